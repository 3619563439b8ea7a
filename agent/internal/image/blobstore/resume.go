package blobstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/scratch"
)

// partialLifetime is how long the beginning of a blob is kept for a fetch that takes it up.
const partialLifetime = 7 * 24 * time.Hour

// OpenAt streams a blob from an offset on.
type OpenAt func(ctx context.Context, offset int64) (io.ReadCloser, error)

// PutResumable stores what open delivers, as Put does, but keeps what arrived
// when the transfer breaks or the process dies, and takes it up next time. What
// was kept proves nothing: the whole is hashed before it becomes a blob.
func (s *Store) PutResumable(ctx context.Context, want Blob, open OpenAt, progress func(int64)) error {
	file, err := s.claimPartial(want)
	if err != nil {
		return err
	}
	if file == nil { // another process is fetching the same blob
		return s.putWhole(ctx, want, open, progress)
	}
	defer file.Close()
	hasher := sha256.New()
	held, err := copyChunks(ctx, hasher, io.LimitReader(file, want.Size), nil)
	if err != nil {
		return fault.File("read", file.Name(), err)
	}
	if held < want.Size {
		rest, err := open(ctx, held)
		if err != nil {
			return err
		}
		defer rest.Close()
		sink := io.MultiWriter(diskWriter{file}, hasher)
		added, err := copyChunks(ctx, sink, io.LimitReader(rest, want.Size-held+1), func(n int64) { progress(held + n) })
		if err != nil {
			return discardIfWrong(file, err)
		}
		held += added
	}
	if held != want.Size {
		return discardIfWrong(file, mismatch(want, "store", "at least %d bytes arrived, %d were announced", held, want.Size))
	}
	if got := sum(hasher); got != want.Digest {
		return discardIfWrong(file, mismatch(want, "store", "the content is %s", got))
	}
	return s.keepPartial(file, want)
}

func (s *Store) putWhole(ctx context.Context, want Blob, open OpenAt, progress func(int64)) error {
	content, err := open(ctx, 0)
	if err != nil {
		return err
	}
	defer content.Close()
	return s.Put(ctx, want, content, progress)
}

func (s *Store) partialDir() string { return filepath.Join(s.dir, "partial") }

// claimPartial opens the beginning of a blob, made if need be, for this process alone; nil when another has it.
func (s *Store) claimPartial(want Blob) (*os.File, error) {
	path := filepath.Join(s.partialDir(), want.Digest.Hex)
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fault.File("open", path, err)
		}
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			return nil, file.Close()
		}
		// Whoever held the lock before may have renamed or removed the file we opened.
		opened, err := file.Stat()
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		if named, err := os.Stat(path); err != nil || !os.SameFile(opened, named) {
			file.Close()
			continue
		}
		if opened.Size() > want.Size {
			if err := file.Truncate(0); err != nil {
				return nil, errors.Join(fault.File("truncate", path, err), file.Close())
			}
		}
		return file, nil
	}
}

func (s *Store) keepPartial(file *os.File, want Blob) error {
	path := s.Path(want.Digest)
	err := file.Sync()
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err == nil {
		err = scratch.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fault.File("write", path, err)
	}
	s.remember(want)
	return nil
}

// discardIfWrong removes a beginning that cannot become the blob; one that was merely cut short stays.
func discardIfWrong(file *os.File, err error) error {
	if fault.From(err).Code == fault.ImageDigestMismatch {
		os.Remove(file.Name()) // if it stays, the next fetch hashes it, and removes it then
	}
	return err
}

// sweepPartials removes beginnings that nobody has taken up for long.
func (s *Store) sweepPartials(now time.Time) error {
	entries, err := os.ReadDir(s.partialDir())
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && now.Sub(info.ModTime()) > partialLifetime {
			s.removePartial(filepath.Join(s.partialDir(), entry.Name()))
		}
	}
	return nil
}

// removePartial removes a beginning unless a process is working on it.
func (s *Store) removePartial(path string) {
	file, err := os.Open(path)
	if err != nil {
		return // gone meanwhile
	}
	defer file.Close()
	if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		os.Remove(path)
	}
}
