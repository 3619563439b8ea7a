package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// MountKernelFilesystems mounts what the rest of the boot needs to see, at the places of the initramfs.
func MountKernelFilesystems() error {
	for _, m := range []struct{ fstype, target string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"},
	} {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return err
		}
		err := unix.Mount(m.fstype, m.target, m.fstype, unix.MS_NOSUID, "")
		// The kernel may have mounted /dev itself.
		if err != nil && err != unix.EBUSY {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	return nil
}

// LoadModules loads the modules that directory/order names, in that order. One that cannot be loaded is reported and
// skipped: what depends on it fails later, by name.
func LoadModules(directory string, console *Console) error {
	order, err := os.ReadFile(filepath.Join(directory, "order"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, line := range strings.Split(string(order), "\n") {
		name := strings.TrimSpace(line)
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		if err := loadModule(filepath.Join(directory, name)); err != nil {
			console.Printf("module %s: %v", name, err)
		}
	}
	return nil
}

func loadModule(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.FinitModule(fd, "", 0); err != nil && err != unix.EEXIST {
		return err
	}
	return nil
}

// RaiseLoopback brings lo up; the kernel then gives it its addresses.
func RaiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("raise lo: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("raise lo: %w", err)
	}
	return nil
}

// End turns the machine off; it returns only if the kernel refuses. File systems must have been synchronised.
func End(mode OffMode) error {
	command := unix.LINUX_REBOOT_CMD_POWER_OFF
	if mode == Reboot {
		command = unix.LINUX_REBOOT_CMD_RESTART
	}
	return os.NewSyscallError("reboot", unix.Reboot(command))
}
