// Package scratch makes temporary files that never outlive their owner for long.
//
// A scratch file is locked by the process that writes it. A process that was
// killed leaves its files unlocked, and the next one to look removes them.
package scratch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// settleTime is how long a file may exist before its owner has locked it.
const settleTime = time.Minute

// File is a temporary file that is either kept under a final name or removed.
type File struct {
	*os.File
	kept bool
}

// Create makes a locked scratch file, mode 0600, in dir. Call Discard when done with it.
func Create(dir, prefix string) (*File, error) {
	file, err := os.CreateTemp(dir, prefix+"*.tmp")
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	return &File{File: file}, nil
}

// Keep makes the content durable and moves it to path, replacing what was there, in one step.
func (f *File) Keep(path string) error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	f.kept = true
	return SyncDir(filepath.Dir(path))
}

// Discard closes the file and removes it unless it was kept.
func (f *File) Discard() {
	if !f.kept {
		os.Remove(f.Name()) // Sweep removes what could not be removed now
	}
	f.Close() // kept content is synced already
}

// Sweep removes the scratch files in dir whose owner is gone.
func Sweep(dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, prefix) || !strings.HasSuffix(name, ".tmp") || !entry.Type().IsRegular() {
			continue
		}
		if err := removeIfAbandoned(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func removeIfAbandoned(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if time.Since(info.ModTime()) < settleTime {
		return nil
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil // its owner lives
	}
	return os.Remove(path)
}

// SyncDir makes the names in a directory durable.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
