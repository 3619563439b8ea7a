package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// switchRoot makes newRoot the root and frees the memory of the initramfs.
func switchRoot() error {
	for _, target := range []string{"/dev", "/sys", "/proc"} {
		if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("leave the initramfs: unmount %s: %w", target, err)
		}
	}
	var old unix.Stat_t
	if err := unix.Stat("/", &old); err != nil {
		return fmt.Errorf("leave the initramfs: %w", err)
	}
	deleteFilesystem("/", old.Dev)
	if err := unix.Chdir(newRoot); err != nil {
		return fmt.Errorf("enter the new root: %w", err)
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("enter the new root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("enter the new root: %w", err)
	}
	return unix.Chdir("/")
}

// deleteFilesystem deletes what is below directory on the given device; mount points and what they carry stay. What
// cannot be deleted only costs memory.
func deleteFilesystem(directory string, device uint64) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return
	}
	for _, entry := range entries {
		path := filepath.Join(directory, entry.Name())
		var stat unix.Stat_t
		if unix.Lstat(path, &stat) != nil || stat.Dev != device {
			continue
		}
		if entry.IsDir() {
			deleteFilesystem(path, device)
			unix.Rmdir(path)
			continue
		}
		unix.Unlink(path)
	}
}

// mount is a file system every machine has, in order: the later are inside the earlier.
type mount struct {
	fstype, target string
	flags          uintptr
	data           string
	essential      bool // without it, commands cannot run
}

var mounts = []mount{
	{"proc", "/proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "", true},
	{"sysfs", "/sys", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "", true},
	{"devtmpfs", "/dev", unix.MS_NOSUID, "mode=755", true},
	{"devpts", "/dev/pts", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=620,gid=5,ptmxmode=666", false},
	{"tmpfs", "/dev/shm", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777", false},
	{"mqueue", "/dev/mqueue", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "", false},
	{"tmpfs", "/run", unix.MS_NOSUID | unix.MS_NODEV, "mode=755", false},
	{"cgroup2", "/sys/fs/cgroup", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "nsdelegate", false},
}

// deviceLinks are the names in /dev that programs expect beside the kernel's nodes.
var deviceLinks = []struct{ name, target string }{
	{"/dev/fd", "/proc/self/fd"},
	{"/dev/stdin", "/proc/self/fd/0"},
	{"/dev/stdout", "/proc/self/fd/1"},
	{"/dev/stderr", "/proc/self/fd/2"},
}

// furnishRoot gives the new root what no image has to bring: kernel file systems, device links, /tmp and /etc.
func furnishRoot(log Log) error {
	for _, m := range mounts {
		err := ensureDirectory(m.target, log)
		if err == nil {
			err = unix.Mount(m.fstype, m.target, m.fstype, m.flags, m.data)
		}
		if err != nil && m.essential {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
		if err != nil {
			log.Printf("mount %s: %v", m.target, err)
		}
	}
	for _, link := range deviceLinks {
		if err := os.Symlink(link.target, link.name); err != nil && !errors.Is(err, os.ErrExist) {
			log.Printf("%v", err)
		}
	}
	if err := os.Mkdir("/tmp", 0o755); err == nil {
		err = unix.Chmod("/tmp", 0o1777)
		if err != nil {
			log.Printf("%v", err)
		}
	}
	if err := os.Mkdir("/etc", 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		log.Printf("%v", err)
	}
	return nil
}

// ensureDirectory makes sure that a mount point is a real directory. Whatever else the image has there is replaced, in
// the layer only: following it would mount somewhere the image chose.
func ensureDirectory(path string, log Log) error {
	info, err := os.Lstat(path)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		log.Printf("%s: the image has something there that is not a directory; replaced", path)
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return os.Mkdir(path, 0o755)
}
