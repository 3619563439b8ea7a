package exec

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// output is the reading end of one of a command's pipes.
type output struct {
	kind Kind
	file *os.File
}

// openOutput makes a pipe and returns its reading end and the descriptor of its writing end.
func openOutput(kind Kind) (*output, int, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, os.NewSyscallError("pipe", err)
	}
	// Only our end: the command expects an ordinary, blocking pipe.
	if err := unix.SetNonblock(ends[0], true); err != nil {
		unix.Close(ends[0])
		unix.Close(ends[1])
		return nil, -1, os.NewSyscallError("fcntl", err)
	}
	return &output{kind: kind, file: os.NewFile(uintptr(ends[0]), "pipe")}, ends[1], nil
}

// pump forwards what the command writes until its end of file or, after finish, until what was in the pipe then has
// been delivered. A buffer is held only while there is something to read. An error is the sink's.
func (o *output) pump(frames *frameWriter) error {
	raw, err := o.file.SyscallConn()
	if err != nil {
		return err
	}
	for {
		var buffer *frameBuffer
		n, readErr := 0, error(nil)
		err := raw.Read(func(fd uintptr) bool {
			buffer = buffers.Get().(*frameBuffer)
			n, readErr = read(int(fd), buffer.payload())
			if readErr == unix.EAGAIN {
				buffers.Put(buffer)
				return false
			}
			return true
		})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return o.drain(raw, frames)
		}
		if err != nil {
			return err
		}
		if n > 0 {
			err = frames.write(o.kind, buffer, n)
		}
		buffers.Put(buffer)
		if err != nil || n <= 0 {
			return err
		}
	}
}

// drain delivers what is in the pipe now and no more, so that a background process that goes on writing cannot keep
// the stream open.
func (o *output) drain(raw syscall.RawConn, frames *frameWriter) error {
	left := 0
	raw.Control(func(fd uintptr) { left, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	buffer := buffers.Get().(*frameBuffer)
	defer buffers.Put(buffer)
	for left > 0 {
		n := 0
		raw.Control(func(fd uintptr) { n, _ = read(int(fd), buffer.payload()[:min(left, MaxFrameSize)]) })
		if n <= 0 {
			return nil
		}
		if err := frames.write(o.kind, buffer, n); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// finish makes pump stop waiting for more.
func (o *output) finish() { o.file.SetReadDeadline(time.Unix(1, 0)) }

func (o *output) close() { o.file.Close() }

func read(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		if err != unix.EINTR {
			return n, err
		}
	}
}
