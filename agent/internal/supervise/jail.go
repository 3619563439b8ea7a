package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// jail is where a VMM sees its files. The zero jail is none: it sees what we see.
type jail struct{ config *JailConfig }

// ours is our name of a file that the VMM calls name.
func (j jail) ours(name string) string {
	if j.config == nil {
		return name
	}
	return filepath.Join(j.config.Root, name)
}

// user is who the VMM is.
func (j jail) user() user {
	if j.config == nil {
		return user(os.Getuid())
	}
	return user(j.config.UID)
}

// give makes a file the VMM's.
func (j jail) give(path string) error {
	if j.config == nil {
		return nil
	}
	return os.Lchown(path, j.config.UID, j.config.UID)
}

// outbox is a file that the VMM writes and that is to be ours in the end.
type outbox struct {
	jail jail
	// theirs is the VMM's name of it, ours is our name of the same
	theirs, ours string
	destination  string
}

// outboxFor lets the VMM write a file that does not exist yet at destination.
func (j jail) outboxFor(name, destination string) (outbox, error) {
	if j.config == nil {
		return outbox{j, destination, destination, destination}, nil
	}
	if _, err := os.Lstat(destination); !errors.Is(err, fs.ErrNotExist) {
		return outbox{}, fmt.Errorf("%s is there already", destination)
	}
	ours := j.ours(name)
	if err := os.RemoveAll(ours); err != nil {
		return outbox{}, err
	}
	return outbox{j, name, ours, destination}, nil
}

// take makes the file ours. What a VMM that was taken over has put in its place is not taken.
func (o outbox) take() error {
	if o.ours == o.destination {
		return nil
	}
	// Moved before it is looked at: here nobody exchanges it any more.
	if err := os.Rename(o.ours, o.destination); err != nil {
		return err
	}
	info, err := os.Lstat(o.destination)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !info.Mode().IsRegular() || ok && stat.Nlink != 1 {
		err := fmt.Errorf("%s is not the file that was to be written", o.theirs)
		return errors.Join(err, os.RemoveAll(o.destination))
	}
	if err := os.Lchown(o.destination, os.Getuid(), os.Getgid()); err != nil {
		return err
	}
	return os.Chmod(o.destination, 0o600)
}

// endCgroup removes the control group of a VMM that has ended.
func (j jail) endCgroup() {
	if j.config != nil && j.config.Cgroup != "" {
		os.Remove(j.config.Cgroup) // one that is left is found by its name and removed with the VM
	}
}
