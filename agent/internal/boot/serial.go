package boot

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// SerialDevice is the guest's end of the serial transport.
const SerialDevice = "/dev/ttyS0"

// HasPortDriver tells whether the kernel runs a virtio console device, without which there is never a port to the host.
// It is known once the modules are loaded.
func HasPortDriver() bool {
	devices, err := filepath.Glob("/sys/bus/virtio/drivers/virtio_console/virtio*")
	return err == nil && len(devices) > 0
}

// Serial is a serial line to the host that passes every byte as it is.
type Serial struct{ *os.File }

// OpenSerial opens the line of the serial transport.
func OpenSerial() (*Serial, error) {
	fd, err := unix.Open(SerialDevice, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", SerialDevice, err)
	}
	s := &Serial{os.NewFile(uintptr(fd), SerialDevice)}
	if err := s.MakeRaw(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
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

// AwaitHost makes the line ready for a handshake; whether the host is there shows in the handshake.
func (s *Serial) AwaitHost() error {
	// The session before may have ended by a deadline.
	if err := s.SetDeadline(time.Time{}); err != nil {
		return err
	}
	return s.MakeRaw()
}
