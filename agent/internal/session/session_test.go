package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/frame"
	"bandsox.dev/agent/internal/reap"
)

var reaper = reap.New(reap.OwnChildren)

func shell(script string) Spec {
	return Spec{Command: exec.Command{Argv: []string{"/bin/sh", "-c", script}}}
}

func start(t *testing.T, r *Registry, id string, spec Spec) *Session {
	t.Helper()
	s, _, err := r.Start(id, spec, exec.Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.process.Kill(); <-s.Ended() })
	return s
}

// screen is a viewer that keeps what it is told.
type screen struct {
	ctx    context.Context
	mu     sync.Mutex
	text   [2]bytes.Buffer
	gaps   []string
	exit   *exec.Result
	taking func()
}

func (v *screen) Context() context.Context { return v.ctx }

func (v *screen) Take(whole []byte) error {
	if v.taking != nil {
		v.taking()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	payload := whole[frame.HeaderSize:]
	switch kind := frame.Kind(whole[0]); kind {
	case frame.Stdout, frame.Stderr:
		v.text[kind-frame.Stdout].Write(payload)
	case frame.Gap:
		v.gaps = append(v.gaps, string(payload))
	default:
		return fmt.Errorf("a frame of kind %d", kind)
	}
	return nil
}

func (v *screen) TakeLast(whole []byte) error {
	v.exit = new(exec.Result)
	return json.Unmarshal(whole[frame.HeaderSize:], v.exit)
}

func TestASessionIsSeenWholeByAnyNumberOfViewersAtAnyTime(t *testing.T) {
	s := start(t, NewRegistry(reaper), "a", shell("for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.02; done; exit 7"))
	var viewing sync.WaitGroup
	views := make([]*screen, 8)
	for i := range views {
		views[i] = &screen{ctx: t.Context()}
		viewing.Go(func() {
			if err := s.Show(views[i], Offsets{}); err != nil {
				t.Error(err)
			}
		})
	}
	viewing.Wait()
	late := &screen{ctx: t.Context()}
	if err := s.Show(late, Offsets{6, 0}); err != nil {
		t.Error(err)
	}
	for _, v := range views {
		if v.text[0].String() != "out 1\nout 2\nout 3\n" || v.text[1].String() != "err 1\nerr 2\nerr 3\n" || v.exit.ExitCode != 7 {
			t.Errorf("got %q, %q, %+v", v.text[0].String(), v.text[1].String(), v.exit)
		}
	}
	if late.text[0].String() != "out 2\nout 3\n" || s.Info().Viewers != 0 {
		t.Errorf("got %q, %d viewers", late.text[0].String(), s.Info().Viewers)
	}
}

func TestAViewerThatFallsBehindIsToldWhatItMissed(t *testing.T) {
	limit := int64(minJournal)
	spec := shell("head -c 1000000 /dev/zero; echo end >&2")
	spec.JournalBytes = &limit
	s := start(t, NewRegistry(reaper), "a", spec)
	<-s.Ended()
	v := &screen{ctx: t.Context()}
	if err := s.Show(v, Offsets{}); err != nil {
		t.Error(err)
	}
	kept := s.Info().Stdout
	want := fmt.Sprintf(`{"stream":"stdout","from":0,"to":%d}`, kept.From)
	if len(v.gaps) != 1 || v.gaps[0] != want || int64(v.text[0].Len()) != kept.To-kept.From || kept.To != 1_000_000 {
		t.Errorf("got %v, %d bytes, %+v", v.gaps, v.text[0].Len(), kept)
	}
	if v.text[1].String() != "end\n" || kept.From == 0 {
		t.Errorf("got %q, %+v", v.text[1].String(), kept)
	}
}

func TestAViewerThatLeavesLeavesTheSessionAlone(t *testing.T) {
	spec := shell("echo here; read line; echo got $line")
	spec.Stdin = true
	s := start(t, NewRegistry(reaper), "a", spec)
	ctx, leave := context.WithCancel(t.Context())
	if err := s.Show(&screen{ctx: ctx, taking: leave}, Offsets{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if info := s.Info(); info.Exit != nil || info.Stdin != "open" || info.Viewers != 0 {
		t.Errorf("got %+v", info)
	}
	s.Input().Write(t.Context(), []byte("it\n"))
	<-s.Ended()
	info := s.Info()
	if info.Exit.ExitCode != 0 || info.Stdin != "closed" || info.Stdout.To != int64(len("here\ngot it\n")) || info.EndedAt == nil {
		t.Errorf("got %+v", info)
	}
}

func TestAStartThatIsRepeatedStartsNothing(t *testing.T) {
	r := NewRegistry(reaper)
	var starting sync.WaitGroup
	pids := make([]int, 16)
	for i := range pids {
		starting.Go(func() { pids[i] = start(t, r, "same", shell("sleep 30")).Info().Pid })
	}
	starting.Wait()
	for _, pid := range pids {
		if pid != pids[0] || pid == 0 {
			t.Fatalf("got %v", pids)
		}
	}
	if list := r.List(); len(list) != 1 {
		t.Errorf("%d sessions", len(list))
	}
}

func TestWhatCannotStartIsForgotten(t *testing.T) {
	r := NewRegistry(reaper)
	var refused *exec.NotStartedError
	var invalid *InvalidError
	if _, _, err := r.Start("a", Spec{Command: exec.Command{Argv: []string{"no-such-program"}}}, exec.Defaults{}); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	small := int64(1)
	bad := shell("true")
	bad.JournalBytes = &small
	for id, spec := range map[string]Spec{"../a": shell("true"), "": shell("true"), strings.Repeat("a", 65): shell("true"), "b": bad} {
		if _, _, err := r.Start(id, spec, exec.Defaults{}); !errors.As(err, &invalid) {
			t.Errorf("%q: got %v", id, err)
		}
	}
	if _, err := r.Get("a"); !errors.Is(err, ErrUnknown) || r.live != 0 || len(r.List()) != 0 {
		t.Errorf("got %v, %d live", err, r.live)
	}
	start(t, r, "a", shell("true"))
}

func TestADeletedSessionIsKilledAndForgotten(t *testing.T) {
	r := NewRegistry(reaper)
	s := start(t, r, "a", shell("sleep 60 & wait"))
	if err := r.Delete("a"); err != nil {
		t.Error(err)
	}
	<-s.Ended()
	if s.Info().Exit.Signal != "SIGKILL" {
		t.Errorf("got %+v", s.Info().Exit)
	}
	if err := r.Delete("a"); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
	awaitCounts(t, r, 0, 0)
}

func awaitCounts(t *testing.T, r *Registry, live, ended int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		r.mu.Lock()
		gotLive, gotEnded := r.live, r.ended
		r.mu.Unlock()
		if gotLive == live && gotEnded == ended {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d live and %d ended, not %d and %d", gotLive, gotEnded, live, ended)
		}
	}
}

func TestTheOldestEndedSessionsMakeRoom(t *testing.T) {
	r := NewRegistry(reaper)
	start(t, r, "living", shell("sleep 60"))
	for i := range endedLimit + 20 {
		<-start(t, r, fmt.Sprint("s", i), Spec{Command: exec.Command{Argv: []string{"true"}}}).Ended()
	}
	awaitCounts(t, r, 1, endedLimit)
	if _, err := r.Get("living"); err != nil {
		t.Error(err)
	}
	if _, err := r.Get("s0"); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if list := r.List(); len(list) != endedLimit+1 || list[len(list)-1].id != "living" {
		t.Errorf("%d sessions, the oldest is %s", len(list), list[len(list)-1].id)
	}
}

func TestSessionsBeyondTheLimitAreRefused(t *testing.T) {
	r := NewRegistry(reaper)
	for i := range liveLimit {
		start(t, r, fmt.Sprint("s", i), Spec{Command: exec.Command{Argv: []string{"sleep", "60"}}})
	}
	if _, _, err := r.Start("more", shell("true"), exec.Defaults{}); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	if _, fresh, err := r.Start("s0", shell("true"), exec.Defaults{}); fresh || err != nil {
		t.Errorf("one that exists: %v, %v", fresh, err)
	}
}
