package exec

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bandsox.dev/agent/internal/frame"
	"bandsox.dev/agent/internal/reap"
)

var reaper = reap.New(reap.OwnChildren)

// collected is a sink that takes frames apart.
type collected struct {
	stdout, stderr bytes.Buffer
	exit           *Result
	mu             sync.Mutex
	taken          func() // called after each write
}

// Write takes whole frames, one or more.
func (c *collected) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for rest := p; len(rest) > 0; {
		length := int(binary.BigEndian.Uint32(rest[1:]))
		if frame.HeaderSize+length > len(rest) || length > frame.MaxSize || c.exit != nil {
			return 0, errors.New("not whole frames, or one after the exit")
		}
		if err := c.take(frame.Kind(rest[0]), rest[frame.HeaderSize:frame.HeaderSize+length]); err != nil {
			return 0, err
		}
		rest = rest[frame.HeaderSize+length:]
	}
	return len(p), nil
}

func (c *collected) take(kind frame.Kind, body []byte) error {
	switch kind {
	case frame.Stdout:
		c.stdout.Write(body)
	case frame.Stderr:
		c.stderr.Write(body)
	case frame.Exit:
		c.exit = new(Result)
		return json.Unmarshal(body, c.exit)
	}
	return nil
}

func (c *collected) Flush() error {
	if c.taken != nil {
		c.taken()
	}
	return nil
}

var testDefaults = Defaults{Hostname: "box", Env: map[string]string{"FROM_VM": "1"}}

func run(t *testing.T, command Command) *collected {
	t.Helper()
	process, err := Start(command, testDefaults, reaper)
	if err != nil {
		t.Fatal(err)
	}
	out := &collected{}
	if err := process.Stream(context.Background(), out); err != nil {
		t.Fatal(err)
	}
	if out.exit == nil {
		t.Fatal("no exit frame")
	}
	return out
}

func shell(script string) Command { return Command{Argv: []string{"/bin/sh", "-c", script}} }

func TestOutputAndExitCodeAreDelivered(t *testing.T) {
	out := run(t, shell("echo out; echo err >&2; exit 3"))
	if out.stdout.String() != "out\n" || out.stderr.String() != "err\n" || *out.exit != (Result{ExitCode: 3}) {
		t.Errorf("got %q, %q, %+v", out.stdout.String(), out.stderr.String(), *out.exit)
	}
}

func TestADeathBySignalHasItsNameAndCode(t *testing.T) {
	if out := run(t, shell("kill -TERM $$")); *out.exit != (Result{ExitCode: 143, Signal: "SIGTERM"}) {
		t.Errorf("got %+v", *out.exit)
	}
}

func TestATimeoutKillsTheWholeGroup(t *testing.T) {
	command := shell("echo $$; sleep 60 & wait")
	command.TimeoutMs = 200
	out := run(t, command)
	if *out.exit != (Result{ExitCode: 137, Signal: "SIGKILL", TimedOut: true}) {
		t.Errorf("got %+v", *out.exit)
	}
	awaitGroupGone(t, strings.TrimSpace(out.stdout.String()))
}

func awaitGroupGone(t *testing.T, leader string) {
	t.Helper()
	pid, err := strconv.Atoi(leader)
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if !groupRuns(pid) {
			return
		}
	}
	t.Errorf("process group %d still runs", pid)
}

// groupRuns tells whether a process of the group is left that is not a zombie some other init has to collect.
func groupRuns(group int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		stat, _ := os.ReadFile(file)
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" {
			return true
		}
	}
	return false
}

func TestAClientThatLeavesTakesTheGroupWithIt(t *testing.T) {
	process, err := Start(shell("echo $$; sleep 60 & sleep 60"), testDefaults, reaper)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(context.Background())
	out := &collected{taken: leave}
	if err := process.Stream(ctx, out); err == nil || out.exit != nil {
		t.Errorf("got %v, exit %v", err, out.exit)
	}
	awaitGroupGone(t, strings.TrimSpace(out.stdout.String()))
}

type brokenSink struct{}

func (brokenSink) Write([]byte) (int, error) { return 0, syscall.EPIPE }
func (brokenSink) Flush() error              { return nil }

func TestABrokenSinkEndsTheCommand(t *testing.T) {
	process, err := Start(shell("while :; do echo x; done"), testDefaults, reaper)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Stream(context.Background(), brokenSink{}); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("got %v", err)
	}
}

func TestABackgroundChildDoesNotKeepTheStreamOpen(t *testing.T) {
	start := time.Now()
	out := run(t, shell("(while :; do echo noise; done) & pid=$!; (sleep 2; kill $pid) >/dev/null 2>&1 & echo done >&2"))
	if out.stderr.String() != "done\n" || out.exit.ExitCode != 0 {
		t.Errorf("got %q, %+v", out.stderr.String(), *out.exit)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("the stream ended after %v", took)
	}
}

func TestWhatIsInThePipeAtExitIsDelivered(t *testing.T) {
	for range 20 {
		out := run(t, shell("head -c 60000 /dev/zero; sleep 1 &"))
		if out.stdout.Len() != 60000 {
			t.Fatalf("got %d bytes", out.stdout.Len())
		}
	}
}

func TestMuchOutputIsCompleteAndASlowClientSlowsTheCommand(t *testing.T) {
	process, err := Start(shell("head -c 3000000 /dev/zero"), testDefaults, reaper)
	if err != nil {
		t.Fatal(err)
	}
	out := &collected{taken: func() { time.Sleep(time.Millisecond) }}
	if err := process.Stream(context.Background(), out); err != nil {
		t.Fatal(err)
	}
	if out.stdout.Len() != 3000000 || out.exit == nil {
		t.Errorf("got %d bytes, exit %v", out.stdout.Len(), out.exit)
	}
}

func TestOutputThatIsHeldBackGoesOnceNothingFollows(t *testing.T) {
	process, err := Start(shell("head -c 65536 /dev/zero; exec sleep 30"), testDefaults, reaper)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out := &collected{}
	out.taken = func() {
		if out.stdout.Len() == 65536 {
			cancel()
		}
	}
	if err := process.Stream(ctx, out); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v after %d bytes", err, out.stdout.Len())
	}
}

func TestACommandLeadsItsOwnSessionAndReadsNothing(t *testing.T) {
	out := run(t, shell("cut -d' ' -f1,5,6 /proc/self/stat; echo $$; readlink /proc/self/fd/0"))
	lines := strings.Fields(out.stdout.String())
	if lines[1] != lines[3] || lines[2] != lines[3] {
		t.Errorf("group %s, session %s, leader %s", lines[1], lines[2], lines[3])
	}
	if lines[4] != "/dev/null" {
		t.Errorf("stdin %s", lines[4])
	}
}

func TestACommandSleepsAsPreciselyAsAnywhere(t *testing.T) {
	// The agent's own threads do not.
	if err := os.WriteFile("/proc/thread-self/timerslack_ns", []byte("1000000"), 0); err != nil {
		t.Skipf("timer slack cannot be set: %v", err)
	}
	if out := run(t, shell("cat /proc/self/timerslack_ns")); out.stdout.String() != "50000\n" {
		t.Errorf("got %s", out.stdout.String())
	}
}
