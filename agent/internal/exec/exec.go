// Package exec runs one command: it decides program, environment, user and directory as Docker does, starts the
// command in a session of its own, on pipes or on a terminal, and delivers its output and its end as frames
// (PROTOCOL.md §4).
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
	// Stdin is whether the command's stdin can be written; otherwise it is empty.
	Stdin bool `json:"stdin"`
	// Terminal puts the command on a terminal, which is its stdin too.
	Terminal *Terminal `json:"terminal"`
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

// Process is a command that has been started; Deliver or Stream must be called once, they own its pipes.
type Process struct {
	// Launched is what was started, with everything decided.
	Launched Launched
	child    *reap.Child
	stdio    *stdio
	timeout  time.Duration // 0: none
}

// Launched is what a command came to.
type Launched struct {
	Pid  int
	Argv []string
	Dir  string
	User string
}

// Receiver takes a command's output, one whole frame a call, header included; the frame is valid until it returns. An
// error ends the command.
type Receiver interface{ Take(whole []byte) error }

// Start runs command. Every failure that is the command's own is a *NotStartedError.
func Start(command Command, defaults Defaults, reaper *reap.Reaper) (*Process, error) {
	launch, err := prepare(command, defaults)
	if err != nil {
		return nil, err
	}
	return launch.start(reaper, time.Duration(command.TimeoutMs)*time.Millisecond)
}

// Stream delivers frames to the sink, the exit frame last.
func (p *Process) Stream(ctx context.Context, sink Sink) error {
	frames := &frameWriter{sink: sink}
	defer frames.Idle() // when delivering failed there may be frames to let go of; nobody reads them any more
	result, err := p.Deliver(ctx, frames)
	if err == nil {
		err = frames.Take(ExitFrame(result))
	}
	if err == nil {
		err = frames.Idle()
	}
	return err
}

// Deliver hands over output until the command exits, then what is still in its pipes. When ctx ends or the receiver
// fails, the command's process group is killed.
func (p *Process) Deliver(ctx context.Context, to Receiver) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer p.stdio.close()
	pumped := make(chan struct{}, len(p.stdio.outputs))
	for _, out := range p.stdio.outputs {
		go func() {
			if err := out.pump(to); err != nil {
				cancel(err)
			}
			pumped <- struct{}{}
		}()
	}
	result, err := p.wait(ctx)
	p.stdio.input.end()
	for _, out := range p.stdio.outputs {
		out.finish()
	}
	for range p.stdio.outputs {
		<-pumped
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return result, err
}

// Kill ends the command at once: its process group, and whatever else it started on its terminal.
func (p *Process) Kill() {
	p.child.SignalGroup(syscall.SIGKILL)
	if p.stdio.terminal != nil {
		p.child.SignalSession(syscall.SIGKILL)
	}
}

// Signal goes to the command's process group.
func (p *Process) Signal(signal syscall.Signal) { p.child.SignalGroup(signal) }

// Input is the command's stdin; it takes nothing if the command has none.
func (p *Process) Input() *Input { return p.stdio.input }

// Resize gives the command's terminal another size; ErrNoTerminal if it has none.
func (p *Process) Resize(size Size) error {
	if p.stdio.terminal == nil {
		return ErrNoTerminal
	}
	return p.stdio.terminal.resize(size)
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
		p.Kill()
		<-p.child.Exited
		return Result{ExitCode: 128 + int(syscall.SIGKILL), Signal: "SIGKILL", TimedOut: true}, nil
	case <-ctx.Done():
		p.Kill()
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
