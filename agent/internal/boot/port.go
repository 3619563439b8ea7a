package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const portName = "bandsox.agent"

// Port is the guest's end of the virtio-serial port to the host. A read while the host is not connected is an end of
// file.
type Port struct{ *os.File }

// ErrNoPortDriver is of a kernel that runs no virtio console device, without which there is never a port to the host.
var ErrNoPortDriver = errors.New("the kernel has no virtio console")

// HasPortDriver tells whether the kernel runs a virtio console device. It is known once the modules are loaded.
func HasPortDriver() bool {
	entries, _ := os.ReadDir("/sys/bus/virtio/drivers/virtio_console")
	return slices.ContainsFunc(entries, func(entry os.DirEntry) bool {
		return strings.HasPrefix(entry.Name(), "virtio") // a device; the others are the driver's files
	})
}

// OpenPort opens the port named bandsox.agent, waiting for the kernel to announce it. Without a driver that is an
// ErrNoPortDriver.
func OpenPort() (*Port, error) {
	if !HasPortDriver() {
		return nil, ErrNoPortDriver
	}
	events, err := listenUevents()
	if err != nil {
		return nil, err
	}
	defer unix.Close(events)
	for {
		if port, err := findPort(); port != nil || err != nil {
			return port, err
		}
		if err := awaitUevent(events); err != nil {
			return nil, err
		}
	}
}

func openPort(device string) (*Port, error) {
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", device, err)
	}
	return &Port{os.NewFile(uintptr(fd), device)}, nil
}

// AwaitHost returns when the host is connected. The port signals a hang-up while it is not, and every change wakes
// the poller once, so this does not spin.
func (p *Port) AwaitHost() error {
	// The session before may have ended by a deadline.
	if err := p.SetDeadline(time.Time{}); err != nil {
		return err
	}
	raw, err := p.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool {
		state := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		_, err := unix.Poll(state, 0)
		return err == nil && state[0].Revents&unix.POLLHUP == 0
	})
}

// findPort opens the port named bandsox.agent, or returns nil while there is none.
func findPort() (*Port, error) {
	const class = "/sys/class/virtio-ports"
	devices, err := os.ReadDir(class)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, device := range devices {
		name, err := os.ReadFile(filepath.Join(class, device.Name(), "name"))
		if err == nil && strings.TrimSpace(string(name)) == portName {
			return openPort(filepath.Join("/dev", device.Name()))
		}
	}
	return nil, nil
}

func listenUevents() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return -1, fmt.Errorf("listen for kernel events: %w", err)
	}
	const kernelGroup = 1
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: kernelGroup}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("listen for kernel events: %w", err)
	}
	return fd, nil
}

// awaitUevent waits for the next event; which one it is does not matter, the caller looks again.
func awaitUevent(fd int) error {
	var event [8 << 10]byte
	for {
		_, _, err := unix.Recvfrom(fd, event[:], 0)
		switch err {
		case unix.EINTR:
			continue
		case nil, unix.ENOBUFS:
			return nil
		}
		return fmt.Errorf("listen for kernel events: %w", err)
	}
}
