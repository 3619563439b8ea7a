package boot

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const portName = "bandsox.agent"

// Port is the guest's end of the virtio-serial port to the host. A read while the host is not connected is an end of
// file.
type Port struct{ *os.File }

// OpenPort opens the port named bandsox.agent, waiting for the kernel to announce it.
func OpenPort() (*Port, error) {
	events, err := listenUevents()
	if err != nil {
		return nil, err
	}
	defer unix.Close(events)
	for {
		device, err := findPort()
		if err != nil {
			return nil, err
		}
		if device != "" {
			return openPort(device)
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

// findPort is the device of the port, or "" while there is none of that name.
func findPort() (string, error) {
	names, err := filepath.Glob("/sys/class/virtio-ports/*/name")
	if err != nil {
		return "", err
	}
	for _, file := range names {
		name, err := os.ReadFile(file)
		if err == nil && strings.TrimSpace(string(name)) == portName {
			return filepath.Join("/dev", filepath.Base(filepath.Dir(file))), nil
		}
	}
	return "", nil
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
