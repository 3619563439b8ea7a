package run

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/reap"
)

var reaper = reap.New(reap.OwnChildren)

// wire is a connection that a test reads and breaks.
type wire struct {
	mu     sync.Mutex
	got    []byte
	last   bool
	gone   chan struct{}
	break_ sync.Once
}

func newWire() *wire { return &wire{gone: make(chan struct{})} }

func (w *wire) Write(frames []byte, last bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.gone:
		return errors.New("broken")
	default:
	}
	w.got, w.last = append(w.got, frames...), last
	return nil
}

func (w *wire) Gone() <-chan struct{} { return w.gone }
func (w *wire) Begin()                {}
func (w *wire) Cut()                  { w.break_.Do(func() { close(w.gone) }) }

func shell(script string) exec.Command { return exec.Command{Argv: []string{"/bin/sh", "-c", script}} }

func start(t *testing.T, g *Registry, id, script string) (*Run, chan struct{}) {
	t.Helper()
	ended := make(chan struct{})
	r, err := g.Start(id, shell(script), exec.Defaults{}, func() { close(ended) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.End(id) })
	return r, ended
}

func awaitEnd(t *testing.T, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("it still runs")
	}
}

func TestACommandWhoseClientNeverComesBackIsEnded(t *testing.T) {
	g := NewRegistry(reaper, 50*time.Millisecond)
	for n, script := range []string{"sleep 60", "cat /dev/zero"} {
		id := fmt.Sprint("left", n)
		r, ended := start(t, g, id, script)
		w := newWire()
		left := make(chan error, 1)
		go func() { left <- r.Meet(w) }()
		w.Cut()
		if err := <-left; !errors.Is(err, ErrUnwanted) && !errors.Is(err, errReplaced) {
			t.Errorf("got %v", err)
		}
		awaitEnd(t, ended)
		if _, err := g.Get(id); !errors.Is(err, ErrUnknown) {
			t.Errorf("got %v", err)
		}
		_, unmet := start(t, g, fmt.Sprint("unmet", n), script)
		awaitEnd(t, unmet)
	}
}

func TestAClientThatStaysIsWaitedForHoweverLong(t *testing.T) {
	g := NewRegistry(reaper, 20*time.Millisecond)
	r, _ := start(t, g, "a", "sleep 0.3; echo here")
	w := newWire()
	if err := r.Meet(w); err != nil || !w.last {
		t.Errorf("got %v", err)
	}
}

func TestTheFirstConnectionDoesNotTakeThePlaceOfALaterOne(t *testing.T) {
	g := NewRegistry(reaper, time.Minute)
	r, _ := start(t, g, "a", "sleep 60")
	second := newWire()
	go r.Carry(second, 0)
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		r.mu.Lock()
		met := r.carrier != nil
		r.mu.Unlock()
		if met {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it is not carried")
		}
	}
	if err := r.Meet(newWire()); !errors.Is(err, errReplaced) {
		t.Errorf("got %v", err)
	}
	select {
	case <-second.gone:
		t.Error("the later one was cut")
	default:
	}
}

func TestHowItEndedIsKeptForAClientThatMissedIt(t *testing.T) {
	g := NewRegistry(reaper, time.Minute)
	r, ended := start(t, g, "a", "echo all of it; exit 3")
	awaitEnd(t, ended)
	for range 3 { // as often as it is asked for
		w := newWire()
		if err := r.Carry(w, 0); err != nil || string(w.got[5:15]) != "all of it\n" || !w.last {
			t.Errorf("got %v, %q", err, w.got)
		}
	}
}

func TestWhatIsKeptOfEndedCommandsIsBounded(t *testing.T) {
	g := NewRegistry(reaper, time.Minute)
	for i := range endedLimit + 20 {
		_, ended := start(t, g, fmt.Sprint(i), "echo")
		awaitEnd(t, ended)
	}
	for i := range 8 {
		_, ended := start(t, g, fmt.Sprint("large", i), "head -c 1000000 /dev/zero")
		awaitEnd(t, ended)
	}
	retired := func() (int, int, int) {
		g.mu.Lock()
		defer g.mu.Unlock()
		return len(g.ended), g.size, len(g.runs)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		g.mu.Lock()
		newest := len(g.ended) > 0 && g.ended[len(g.ended)-1].id == "large7"
		g.mu.Unlock()
		if newest {
			break
		}
	}
	count, size, known := retired()
	if count > endedLimit || size > endedBytes || known != count || count < 3 {
		t.Errorf("%d commands with %d bytes, %d known", count, size, known)
	}
}

func TestSmallOutputDoesNotCostMuchMemory(t *testing.T) {
	g := NewRegistry(reaper, time.Minute)
	r, ended := start(t, g, "a", "echo one; sleep 0.05; echo two")
	awaitEnd(t, ended)
	if size := r.line.kept(); size > 4096 {
		t.Errorf("%d bytes are kept", size)
	}
}

func TestAConnectionThatTakesNothingIsLetGoOf(t *testing.T) {
	g := NewRegistry(reaper, time.Minute)
	r, _ := start(t, g, "a", "echo; sleep 60")
	left := make(chan error, 1)
	go func() { left <- r.Meet(deaf{newWire()}) }()
	select {
	case err := <-left:
		if !errors.Is(err, ErrUnwanted) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it is held on to")
	}
}

// deaf is a connection that fails without having gone.
type deaf struct{ *wire }

func (deaf) Write([]byte, bool) error { return errors.New("it takes nothing") }

// stuck is a connection whose other end is silently gone: a write waits until it is cut.
type stuck struct {
	once sync.Once
	got  chan struct{}
	*wire
}

func (s *stuck) Write([]byte, bool) error {
	s.once.Do(func() { close(s.got) })
	<-s.gone
	return errors.New("cut")
}

func TestACommandIsGoneOnWithWhereNothingIsTakenAnyMore(t *testing.T) {
	g := NewRegistry(reaper, time.Minute)
	r, _ := start(t, g, "a", "echo hello")
	first := &stuck{got: make(chan struct{}), wire: newWire()}
	go r.Meet(first)
	<-first.got
	r.Release()
	second := newWire()
	if err := r.Carry(second, 0); err != nil || !second.last || !strings.Contains(string(second.got), "hello") {
		t.Errorf("got %q, %v", second.got, err)
	}
}
