package cni

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Lock waits until nobody else works on the attachment: who asked for ADD may be dead, and another's DEL comes after it.
func (a Attachment) Lock() (*Turn, error) {
	dir := filepath.Join(a.CacheDir, "locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, a.ContainerID)
	for {
		file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		held, err := file.Stat()
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		if named, err := os.Stat(path); err == nil && os.SameFile(held, named) {
			return &Turn{file}, nil
		}
		file.Close() // its name was taken away meanwhile
	}
}

// Turn is the right to work on an attachment.
type Turn struct{ file *os.File }

// End gives it back, and leaves nothing.
func (t *Turn) End() error {
	return errors.Join(os.Remove(t.file.Name()), t.file.Close())
}
