// Package exec runs one command: it decides program, environment, user and directory as Docker does, starts the
// command in a session of its own, and streams its output and its end as frames (PROTOCOL.md §4).
package exec

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"bandsox.dev/agent/internal/reap"
	"golang.org/x/sys/unix"
)

// Command is what a client asks for; empty fields take the machine's defaults.
type Command struct {
	Argv      []string          `json:"argv"`
	Cwd       string            `json:"cwd"`
	Env       map[string]string `json:"env"`
	User      string            `json:"user"`
	TimeoutMs int64             `json:"timeoutMs"`
}

// Defaults is what the machine gives every command.
type Defaults struct {
	Hostname   string
	Env        map[string]string
	WorkingDir string
	User       string
}

// Result is how a command ended. A non-zero exit is a result, not an error.
type Result struct {
	ExitCode int    `json:"exitCode"`
	Signal   string `json:"signal,omitempty"`
	TimedOut bool   `json:"timedOut"`
}

// NotStartedError says why a command never ran.
type NotStartedError struct{ Reason string }

func (e *NotStartedError) Error() string { return e.Reason }

func notStarted(format string, args ...any) error {
	return &NotStartedError{Reason: fmt.Sprintf(format, args...)}
}

// Process is a command that has been started; Stream must be called, it owns the pipes.
type Process struct {
	child   *reap.Child
	stdout  *output
	stderr  *output
	timeout time.Duration // 0: none
}

// Start runs command. Every failure that is the command's own is a *NotStartedError.
func Start(command Command, defaults Defaults, reaper *reap.Reaper) (*Process, error) {
	launch, err := prepare(command, defaults)
	if err != nil {
		return nil, err
	}
	return launch.start(reaper, time.Duration(command.TimeoutMs)*time.Millisecond)
}

// Stream delivers output until the command exits, then what is still in its pipes, then the exit frame. When ctx ends
// or the sink fails, the command's process group is killed and the frames end without an exit.
func (p *Process) Stream(ctx context.Context, sink Sink) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	frames := &frameWriter{sink: sink}
	pumped := make(chan struct{}, 2)
	for _, out := range []*output{p.stdout, p.stderr} {
		go func() {
			if err := out.pump(frames); err != nil {
				cancel(err)
			}
			pumped <- struct{}{}
		}()
	}
	result, err := p.wait(ctx)
	p.stdout.finish()
	p.stderr.finish()
	<-pumped
	<-pumped
	p.stdout.close()
	p.stderr.close()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return frames.writeExit(result)
}

// wait returns when the command has exited, on its own or killed.
func (p *Process) wait(ctx context.Context) (Result, error) {
	var expired <-chan time.Time
	if p.timeout > 0 {
		timer := time.NewTimer(p.timeout)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case status := <-p.child.Exited:
		return resultOf(status), nil
	case <-expired:
		p.child.SignalGroup(syscall.SIGKILL)
		<-p.child.Exited
		return Result{ExitCode: 128 + int(syscall.SIGKILL), Signal: "SIGKILL", TimedOut: true}, nil
	case <-ctx.Done():
		p.child.SignalGroup(syscall.SIGKILL)
		<-p.child.Exited
		return Result{}, context.Cause(ctx)
	}
}

func resultOf(status syscall.WaitStatus) Result {
	if status.Signaled() {
		name := unix.SignalName(status.Signal())
		if name == "" {
			name = fmt.Sprintf("SIG%d", status.Signal())
		}
		return Result{ExitCode: 128 + int(status.Signal()), Signal: name}
	}
	return Result{ExitCode: status.ExitStatus()}
}
