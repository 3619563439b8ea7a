package exec

import (
	"os"

	"bandsox.dev/agent/internal/frame"
	"golang.org/x/sys/unix"
)

// stdio is our side of what a command reads and writes.
type stdio struct {
	input    *Input
	outputs  []*output
	terminal *terminal // nil: pipes
}

func (s *stdio) close() {
	s.input.end()
	for _, out := range s.outputs {
		out.file.Close()
	}
	if s.terminal != nil {
		s.terminal.master.Close()
	}
}

// childFiles are the command's stdin, stdout and stderr.
type childFiles struct {
	descriptors [3]uintptr
	opened      []int
}

func (c childFiles) close() {
	for _, fd := range c.opened {
		unix.Close(fd)
	}
}

func (l launch) openStdio() (*stdio, childFiles, error) {
	if l.terminal != nil {
		return openTerminal(*l.terminal, l.user)
	}
	return openPipes(l.stdin)
}

// openPipes gives the command a pipe for each output, and for its stdin if that is wanted, else /dev/null.
func openPipes(stdin bool) (_ *stdio, _ childFiles, err error) {
	ours, child := &stdio{input: newInput(nil)}, childFiles{}
	defer func() {
		if err != nil {
			ours.close()
			child.close()
		}
	}()
	if stdin {
		end, fd, err := openPipe(1)
		if err != nil {
			return nil, child, err
		}
		ours.input = newInput(end)
		child.add(0, fd)
	} else {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, child, &os.PathError{Op: "open", Path: os.DevNull, Err: err}
		}
		child.add(0, fd)
	}
	for i, kind := range []frame.Kind{frame.Stdout, frame.Stderr} {
		end, fd, err := openPipe(0)
		if err != nil {
			return nil, child, err
		}
		// Larger than usual, so that a command that writes much is waited for less often. Refused, it is as it is.
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, outputPipeSize)
		ours.outputs = append(ours.outputs, &output{kind: kind, file: end, left: inPipe})
		child.add(1+i, fd)
	}
	return ours, child, nil
}

func (c *childFiles) add(as, fd int) {
	c.descriptors[as] = uintptr(fd)
	c.opened = append(c.opened, fd)
}

// outputPipeSize is how much a command can write ahead of us, in bytes.
const outputPipeSize = 256 << 10

// openPipe makes a pipe and returns the end that is ours (0 reads, 1 writes) and the descriptor of the other.
func openPipe(ours int) (*os.File, int, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, os.NewSyscallError("pipe", err)
	}
	// Only our end: the command expects an ordinary, blocking pipe.
	if err := unix.SetNonblock(ends[ours], true); err != nil {
		unix.Close(ends[0])
		unix.Close(ends[1])
		return nil, -1, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(ends[ours]), "pipe"), ends[1-ours], nil
}
