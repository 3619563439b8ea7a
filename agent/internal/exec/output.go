package exec

import (
	"errors"
	"os"
	"syscall"
	"time"

	"bandsox.dev/agent/internal/frame"
	"golang.org/x/sys/unix"
)

// output is what a command's output is read from: the reading end of a pipe, or a terminal's master.
type output struct {
	kind frame.Kind
	file *os.File
	// left is how much is to be read, at most, once the command has exited.
	left func(fd int) int
}

// inPipe is how much a pipe holds.
func inPipe(fd int) int {
	left, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return left
}

// pump forwards what the command writes until its end of file or, after finish, until what was in the pipe then has
// been delivered. A buffer is held only while there is something to read. An error is the sink's.
func (o *output) pump(to Receiver) error {
	raw, err := o.file.SyscallConn()
	if err != nil {
		return err
	}
	for {
		var buffer *frameBuffer
		n, readErr := 0, error(nil)
		if err := o.beforeWaiting(raw, to); err != nil {
			return err
		}
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
			return o.drain(raw, to)
		}
		if err != nil {
			return err
		}
		if n > 0 {
			frame.PutHeader(buffer[:], o.kind, n)
			err = to.Take(buffer[:frame.HeaderSize+n])
		}
		buffers.Put(buffer)
		if err != nil || n <= 0 { // a terminal ends with EIO
			return err
		}
	}
}

// idler is a Receiver that holds output back while more of it comes.
type idler interface {
	Idle() error
}

// beforeWaiting lets a receiver send what it holds back when there is nothing to read.
func (o *output) beforeWaiting(raw syscall.RawConn, to Receiver) error {
	held, ok := to.(idler)
	if !ok {
		return nil
	}
	left := 0
	if err := raw.Control(func(fd uintptr) { left = inPipe(int(fd)) }); err != nil || left > 0 {
		return nil // closed: the read will tell
	}
	return held.Idle()
}

// drain delivers what has been written by now and no more, so that a background process that goes on writing cannot
// keep the stream open.
func (o *output) drain(raw syscall.RawConn, to Receiver) error {
	left := 0
	if err := raw.Control(func(fd uintptr) { left = o.left(int(fd)) }); err != nil {
		return nil // closed: there is nothing to read any more
	}
	buffer := buffers.Get().(*frameBuffer)
	defer buffers.Put(buffer)
	for left > 0 {
		n := 0
		raw.Control(func(fd uintptr) { n, _ = read(int(fd), buffer.payload()[:min(left, frame.MaxSize)]) })
		if n <= 0 {
			return nil
		}
		frame.PutHeader(buffer[:], o.kind, n)
		if err := to.Take(buffer[:frame.HeaderSize+n]); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// finish makes pump stop waiting for more.
func (o *output) finish() { o.file.SetReadDeadline(time.Unix(1, 0)) }

func read(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		if err != unix.EINTR {
			return n, err
		}
	}
}
