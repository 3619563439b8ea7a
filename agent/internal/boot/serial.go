package boot

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// SerialDevice is the guest's end of the serial transport.
const SerialDevice = "/dev/ttyS0"

// Serial is a serial line to the host that passes every byte as it is.
type Serial struct{ file atomic.Pointer[os.File] }

// OpenSerial opens the line of the serial transport.
func OpenSerial() (*Serial, error) {
	s := &Serial{}
	if err := s.open(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Serial) open() error {
	fd, err := unix.Open(SerialDevice, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", SerialDevice, err)
	}
	if old := s.file.Swap(os.NewFile(uintptr(fd), SerialDevice)); old != nil {
		old.Close()
	}
	return s.MakeRaw()
}

func (s *Serial) Read(p []byte) (int, error)            { return s.file.Load().Read(p) }
func (s *Serial) Write(p []byte) (int, error)           { return s.file.Load().Write(p) }
func (s *Serial) SetDeadline(t time.Time) error         { return s.file.Load().SetDeadline(t) }
func (s *Serial) SyscallConn() (syscall.RawConn, error) { return s.file.Load().SyscallConn() }

// AwaitHost makes the line ready for a handshake; whether the host is there shows in the handshake.
func (s *Serial) AwaitHost() error {
	err := s.MakeRaw()
	if errors.Is(err, unix.EIO) {
		// A process has made the line wait for a carrier, which hung it up: for good, as far as this file goes.
		err = s.open()
	}
	if err != nil {
		return err
	}
	// The session before may have ended by a deadline.
	return s.SetDeadline(time.Time{})
}

// MakeRaw sets the line to eight bits that nothing interprets. Any process of the guest may undo it.
func (s *Serial) MakeRaw() error {
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = makeRaw(int(fd)) })
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("set %s to pass bytes: %w", SerialDevice, err)
	}
	return nil
}

func makeRaw(fd int) error {
	settings, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	settings.Iflag = unix.IGNBRK
	settings.Oflag = 0
	settings.Lflag = 0
	// The line cannot hang up: there is no modem.
	settings.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
	settings.Cc[unix.VMIN], settings.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, settings)
}
