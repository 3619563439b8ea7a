package supervise

import (
	"errors"
	"fmt"
	"os"

	"bandsox.dev/agent/internal/slot"
	"golang.org/x/sys/unix"
)

// HandOver is how a VMM gets its TAP device.
type HandOver string

const (
	// ByDescriptor gives it the opened device as descriptor 5; it stays in the host's network namespace.
	ByDescriptor HandOver = "descriptor"
	// ByNamespace runs it in the device's namespace, where it opens the device by its name.
	ByNamespace HandOver = "namespace"
)

// Tap is the host's end of a guest's network device.
type Tap struct {
	Name string `json:"name"`
	// Netns is the path of the namespace it is in; "": it is made in one of the VMM's own, where nothing is connected to it
	Netns    string   `json:"netns"`
	HandOver HandOver `json:"handOver"`
}

func (t *Tap) validate() error {
	switch {
	case t == nil:
		return nil
	case t.Name == "" || len(t.Name) >= unix.IFNAMSIZ:
		return fmt.Errorf("tap.name must have 1 to %d bytes", unix.IFNAMSIZ-1)
	case t.HandOver != ByDescriptor && t.HandOver != ByNamespace:
		return fmt.Errorf("tap.handOver %q: expected %s or %s", t.HandOver, ByDescriptor, ByNamespace)
	}
	return nil
}

// enter moves the calling thread, which is to be locked and never unlocked, to the device's namespace.
func (t *Tap) enter() error {
	if t.Netns == "" {
		return os.NewSyscallError("unshare", unix.Unshare(unix.CLONE_NEWNET))
	}
	return slot.Enter(t.Netns)
}

// open opens the device for a VMM that inherits it.
func (t *Tap) open() (*os.File, error) {
	var file *os.File
	err := slot.Inside(t.enter, func() (err error) {
		file, err = openTap(t.Name)
		return err
	})
	return file, err
}

// follow takes the calling thread, which is locked and starts the VMM, to where the VMM opens the device by name, and makes
// the device that of the VMM's user. It is made if it is not there.
func (t *Tap) follow(owner user) error {
	if t == nil || t.HandOver != ByNamespace {
		return nil
	}
	if err := t.enter(); err != nil {
		return err
	}
	file, err := openTap(t.Name)
	if err != nil {
		return err
	}
	return errors.Join(handOver(file, owner), file.Close())
}

// user is one, and the group of the same number.
type user int

// handOver lets the VMM's user open a device. Nobody else may but root: also no VMM that had it before.
func handOver(tap *os.File, owner user) error {
	fd := int(tap.Fd())
	return errors.Join(
		os.NewSyscallError("TUNSETOWNER", unix.IoctlSetInt(fd, unix.TUNSETOWNER, int(owner))),
		os.NewSyscallError("TUNSETGROUP", unix.IoctlSetInt(fd, unix.TUNSETGROUP, int(owner))),
		os.NewSyscallError("TUNSETPERSIST", unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1)))
}

// openTap opens a TAP device of the thread's namespace, making it if need be. A packet is preceded by a header that
// carries offloads, as every VMM expects.
func openTap(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	file := os.NewFile(uintptr(fd), name)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return nil, errors.Join(fmt.Errorf("open the TAP device %s: %w", name, err), file.Close())
	}
	return file, nil
}
