// Package slot makes, changes and removes the network identities of VMs: a namespace each, with a TAP device on the
// guest's side and a virtual cable to the host's. What addresses and rules they have is decided by the caller.
package slot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Enter moves the calling thread, which is to be locked, to the network namespace at path.
func Enter(path string) error {
	namespace, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("the guest's network: %w", err)
	}
	defer namespace.Close()
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("the guest's network: enter %s: %w", path, err)
	}
	return nil
}

// Inside runs work on a thread in a network namespace. Sockets and devices made by it, and processes it starts, stay
// there.
func Inside(enter func() error, work func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: a thread that has been elsewhere ends with this goroutine
		err := enter()
		if err == nil {
			err = work()
		}
		done <- err
	}()
	return <-done
}

// makeNamespace makes a namespace that has a name, and leaves the calling thread in it. The name is there first.
func makeNamespace(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	file.Close()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return errors.Join(os.NewSyscallError("unshare", err), os.Remove(path))
	}
	own := fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid())
	if err := unix.Mount(own, path, "none", unix.MS_BIND, ""); err != nil {
		return errors.Join(fmt.Errorf("name the namespace %s: %w", path, err), os.Remove(path))
	}
	return nil
}

// removeNamespace takes a namespace's name away; it ends with its last process and socket. Idempotent.
func removeNamespace(path string) error {
	err := unix.Unmount(path, unix.MNT_DETACH)
	if err != nil && err != unix.EINVAL && err != unix.ENOENT { // EINVAL: not a mount point
		return fmt.Errorf("remove the namespace %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
