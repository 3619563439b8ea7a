package exec

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func onTerminal(script string) Command {
	command := shell(script)
	command.Terminal = &Terminal{Size: Size{Cols: 91, Rows: 17}}
	return command
}

func TestACommandOnATerminalHasOne(t *testing.T) {
	out := run(t, onTerminal(`test -t 0 && test -t 1 && test -t 2 && stty size && echo $TERM >/dev/tty && echo error >&2; exit 5`))
	if got := out.stdout.String(); !strings.HasPrefix(got, "17 91\r\nxterm-256color\r\nerror\r\n") || out.stderr.Len() != 0 {
		t.Errorf("got %q, %q", got, out.stderr.String())
	}
	if out.exit.ExitCode != 5 {
		t.Errorf("got %+v", *out.exit)
	}
}

func TestTheLastOutputOfATerminalIsDelivered(t *testing.T) {
	for i := range 50 {
		out := run(t, onTerminal("i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done"))
		if lines := strings.Count(out.stdout.String(), "\n"); lines != 200 {
			t.Fatalf("run %d: %d of 200 lines", i, lines)
		}
	}
}

// started runs a command in the background; end collects what it printed.
type started struct {
	*Process
	out  *collected
	done chan error
}

func begin(t *testing.T, command Command) *started {
	t.Helper()
	process, err := Start(command, testDefaults, reaper)
	if err != nil {
		t.Fatal(err)
	}
	s := &started{process, &collected{}, make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() { s.done <- process.Stream(ctx, s.out) }()
	return s
}

func (s *started) awaitOutput(t *testing.T, part string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		s.out.mu.Lock()
		found := strings.Contains(s.out.stdout.String(), part)
		s.out.mu.Unlock()
		if found {
			return
		}
	}
	t.Fatalf("%q was not printed, but %q", part, s.out.stdout.String())
}

func TestATerminalIsTypedAtResizedAndInterrupted(t *testing.T) {
	s := begin(t, onTerminal(`trap 'stty size' WINCH; trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.05; done`))
	s.awaitOutput(t, "ready")
	if err := s.Resize(Size{Cols: 100, Rows: 30}); err != nil {
		t.Error(err)
	}
	s.awaitOutput(t, "30 100")
	if _, err := s.Input().Write(t.Context(), []byte{3}); err != nil { // ^C
		t.Error(err)
	}
	if err := <-s.done; err != nil || s.out.exit.ExitCode != 3 || !strings.Contains(s.out.stdout.String(), "interrupted") {
		t.Errorf("got %v, %+v, %q", err, s.out.exit, s.out.stdout.String())
	}
	if s.Input().IsOpen() {
		t.Error("its stdin is still open")
	}
}

func TestTheEndOfATerminalsInputIsTyped(t *testing.T) {
	s := begin(t, onTerminal("cat; echo over"))
	s.Input().Write(t.Context(), []byte("hello\n"))
	if err := s.Input().Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-s.done; err != nil || !strings.HasSuffix(s.out.stdout.String(), "hello\r\nover\r\n") {
		t.Errorf("got %v, %q", err, s.out.stdout.String())
	}
}

func TestKillingATerminalEndsItsJobsToo(t *testing.T) {
	// A shell with job control gives each job a process group of its own; this one would survive the hang-up.
	s := begin(t, onTerminal(`set -m; sh -c 'trap "" HUP; echo job $$ end; sleep 60' & wait`))
	s.awaitOutput(t, " end")
	job := strings.Fields(s.out.stdout.String())
	s.Kill()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
	for i, word := range job {
		if word == "job" {
			awaitGroupGone(t, job[i+1])
			return
		}
	}
	t.Errorf("no job in %q", job)
}

func TestALoginShellIsThatOfTheAccount(t *testing.T) {
	s := begin(t, Command{Terminal: &Terminal{Size: Size{Cols: 80, Rows: 24}, Term: "vt100"}, Env: map[string]string{"ENV": ""}})
	s.Input().Write(t.Context(), []byte("echo $0 $TERM $SHELL; exit 9\n"))
	if err := <-s.done; err != nil || s.out.exit.ExitCode != 9 {
		t.Fatalf("got %v, %+v", err, s.out.exit)
	}
	shell := s.Launched.Argv[0]
	if !strings.HasPrefix(shell, "-") || !strings.Contains(s.out.stdout.String(), shell+" vt100 /") {
		t.Errorf("got %q for %q", s.out.stdout.String(), shell)
	}
}

func TestAnAccountWithoutAShellGetsOneOfTheImage(t *testing.T) {
	id, err := lookUpIdentity("65534")
	if err != nil {
		t.Fatal(err)
	}
	for env, want := range map[string]string{"/bin/sh": "/bin/sh", "/no/such": "", "sh": ""} {
		found, err := loginShell(id, map[string]string{"SHELL": env})
		if err != nil || want != "" && found != want || executable(found) != nil {
			t.Errorf("SHELL=%s: got %s, %v", env, found, err)
		}
	}
}

func TestATerminalBelongsToItsUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can run commands as others")
	}
	command := onTerminal("stat -c %u $(tty); : > $(tty) && echo opened")
	command.User, command.Cwd = "65534", "/"
	if out := run(t, command); out.stdout.String() != "65534\r\nopened\r\n" {
		t.Errorf("got %q", out.stdout.String())
	}
}

func TestStdinArrivesWholeAndEnds(t *testing.T) {
	command := shell("cat | wc -c; echo done")
	command.Stdin = true
	s := begin(t, command)
	for range 100 {
		if n, err := s.Input().Write(t.Context(), make([]byte, 10_000)); n != 10_000 || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := s.Input().Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-s.done; err != nil || s.out.stdout.String() != "1000000\ndone\n" {
		t.Errorf("got %v, %q", err, s.out.stdout.String())
	}
	if _, err := s.Input().Write(t.Context(), []byte("x")); err != ErrInputClosed {
		t.Errorf("got %v", err)
	}
}

func TestAWriteNobodyReadsIsGivenUpAndTheNextGoesOn(t *testing.T) {
	command := shell("read go; cat | wc -c")
	command.Stdin = true
	s := begin(t, command)
	if _, err := s.Input().Write(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	first := make([]byte, 1<<20)
	first[0] = '\n'
	taken := 0
	stuck := begin(t, Command{Argv: []string{"sleep", "60"}, Stdin: true})
	if taken, _ = stuck.Input().Write(ctx, first); taken >= len(first) || ctx.Err() == nil {
		t.Errorf("a pipe took %d bytes", taken)
	}
	if !stuck.Input().IsOpen() {
		t.Error("the stdin was closed")
	}
	stuck.Signal(syscall.SIGTERM)
	if err := <-stuck.done; err != nil || stuck.out.exit.Signal != "SIGTERM" {
		t.Errorf("got %v, %+v", err, stuck.out.exit)
	}
	if n, err := s.Input().Write(t.Context(), []byte("\n123")); n != 4 || err != nil {
		t.Error(n, err)
	}
	s.Input().Close(t.Context())
	if err := <-s.done; err != nil || strings.TrimSpace(s.out.stdout.String()) != strconv.Itoa(3) {
		t.Errorf("got %v, %q", err, s.out.stdout.String())
	}
}

func TestACommandThatReadsNoMoreEndsItsInput(t *testing.T) {
	command := shell("exec <&-; echo closed; sleep 60")
	command.Stdin = true
	s := begin(t, command)
	s.awaitOutput(t, "closed")
	if _, err := s.Input().Write(t.Context(), []byte("x")); err != ErrInputClosed || s.Input().IsOpen() {
		t.Errorf("got %v", err)
	}
	s.Kill()
	<-s.done
}
