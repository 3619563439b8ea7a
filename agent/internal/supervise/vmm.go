package supervise

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// killAfter is how long a VMM may take to end on SIGTERM.
const killAfter = 2 * time.Second

// vmm is a running VMM process.
type vmm struct {
	pid    int
	exited <-chan error // receives once, what exec.Cmd.Wait returned
	mu     sync.Mutex
	done   bool // collected: its pid may belong to another process now
	output *sync.WaitGroup
}

// stdio is where a VMM's standard files lead. Nil input: an empty one.
type stdio struct {
	input       *os.File
	output, log sink
}

// sink takes output until its end.
type sink interface{ fill(io.Reader) }

// startVMM starts the VMM as a child that dies with this process, and copies its output to the logs. The kernel ties
// that death to the thread that started it, so the thread is kept until the VMM has ended.
func startVMM(config Config, inherited []*os.File, files stdio) (*vmm, error) {
	stdout, stdoutEnd, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	stderr, stderrEnd, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, stdout.Close(), stdoutEnd.Close())
	}
	argv := config.Argv
	command := exec.Command(argv[0], argv[1:]...)
	command.Stdout, command.Stderr = stdoutEnd, stderrEnd
	if files.input != nil {
		command.Stdin = files.input
	}
	command.ExtraFiles = inherited
	command.Env = []string{"PATH=" + defaultPath, "LANG=C.UTF-8"}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	exited := make(chan error, 1)
	started := make(chan error)
	v := &vmm{exited: exited, output: new(sync.WaitGroup)}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		err := config.Tap.follow(config.vmmUser())
		if err == nil {
			err = command.Start()
		}
		started <- err
		if err == nil {
			exited <- v.collect(command)
		}
	}()
	err = <-started
	stdoutEnd.Close()
	stderrEnd.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", argv[0], err), stdout.Close(), stderr.Close())
	}
	v.pid = command.Process.Pid
	v.copyOutput(stdout, files.output)
	v.copyOutput(stderr, files.log)
	return v, nil
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// collect waits for the death of the VMM, ends what is left of its process group, and only then frees its pid.
func (v *vmm) collect(command *exec.Cmd) error {
	awaitDeath(command.Process.Pid)
	v.mu.Lock()
	defer v.mu.Unlock()
	syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
	v.done = true
	return command.Wait()
}

func (v *vmm) copyOutput(from *os.File, to sink) {
	v.output.Go(func() {
		defer from.Close()
		to.fill(from)
	})
}

// awaitOutput waits until all output is in the logs; a process that left the VMM's group may hold the pipes, so not
// for ever.
func (v *vmm) awaitOutput(limit time.Duration) bool {
	ended := make(chan struct{})
	go func() {
		v.output.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return true
	case <-time.After(limit):
		return false
	}
}

// hasEnded tells whether the VMM is gone.
func (v *vmm) hasEnded() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.done
}

func (v *vmm) signal(signal syscall.Signal) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.done {
		syscall.Kill(-v.pid, signal)
	}
}

// end asks the VMM to end and then makes it.
func (v *vmm) end() error {
	v.signal(syscall.SIGTERM)
	select {
	case err := <-v.exited:
		return err
	case <-time.After(killAfter):
		v.signal(syscall.SIGKILL)
		return <-v.exited
	}
}

// exitOf turns what Wait returned into a record.
func exitOf(err error) Exit {
	exit := Exit{At: time.Now().UTC()}
	code := 0
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		status := failed.Sys().(syscall.WaitStatus)
		if status.Signaled() {
			name := signalName(status.Signal())
			exit.Signal = &name
			return exit
		}
		code = status.ExitStatus()
	} else if err != nil {
		exit.Reason = err.Error()
		return exit
	}
	exit.ExitCode = &code
	return exit
}
