package boot

import (
	"fmt"
	"os"

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
