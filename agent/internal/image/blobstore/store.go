// Package blobstore keeps blobs under the digest of their content.
//
// Layout: `blobs/sha256/<hex>` holds complete, verified blobs only; `tmp/`
// holds blobs being written, `partial/<hex>` the beginnings of blobs whose
// transfer broke. A blob reaches its name by rename, after its
// size and digest were checked and its bytes were synced.
package blobstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/scratch"
)

const (
	tempPrefix  = "blob-"
	copyChunk   = 256 << 10
	blobDirMode = 0o755
)

// Blob is a blob's address and exact size in bytes.
type Blob struct {
	Digest v1.Hash
	Size   int64
}

// Store is a directory of blobs, shared by any number of processes.
type Store struct {
	dir string

	mu       sync.Mutex
	verified map[v1.Hash]int64
}

// Open makes the directories the store needs and removes what dead writers left.
func Open(dir string) (*Store, error) {
	store := &Store{dir: dir, verified: map[v1.Hash]int64{}}
	for _, path := range []string{store.blobDir(), store.tempDir(), store.partialDir()} {
		if err := os.MkdirAll(path, blobDirMode); err != nil {
			return nil, fault.File("create", path, err)
		}
	}
	if err := scratch.Sweep(store.tempDir(), tempPrefix); err != nil {
		return nil, fault.File("sweep", store.tempDir(), err)
	}
	if err := store.sweepPartials(time.Now()); err != nil {
		return nil, fault.File("sweep", store.partialDir(), err)
	}
	return store, nil
}

// Path is where a blob is, or would be.
func (s *Store) Path(digest v1.Hash) string { return filepath.Join(s.blobDir(), digest.Hex) }

func (s *Store) blobDir() string { return filepath.Join(s.dir, "blobs", "sha256") }

func (s *Store) tempDir() string { return filepath.Join(s.dir, "tmp") }

// CreateTemp makes a scratch file on the store's filesystem.
func (s *Store) CreateTemp() (*scratch.File, error) {
	file, err := scratch.Create(s.tempDir(), tempPrefix)
	if err != nil {
		return nil, fault.File("create a file in", s.tempDir(), err)
	}
	return file, nil
}

// Has reports whether the blob is present with the right size and digest.
// It reads the whole blob unless this Store wrote or checked it before.
func (s *Store) Has(ctx context.Context, want Blob) (bool, error) {
	if size, ok := s.known(want.Digest); ok {
		return size == want.Size, nil
	}
	file, err := os.Open(s.Path(want.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fault.File("open", s.Path(want.Digest), err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() != want.Size {
		return false, err
	}
	hasher := sha256.New()
	if _, err := copyChunks(ctx, hasher, file, nil); err != nil {
		return false, fault.File("read", file.Name(), err)
	}
	if sum(hasher) != want.Digest {
		return false, nil
	}
	s.remember(want)
	return true, nil
}

// Put stores what r delivers, if it is exactly the wanted blob. It reads at most
// one byte more than the wanted size. Progress is called with the bytes received
// so far; it may be nil. Nothing is left behind on failure.
func (s *Store) Put(ctx context.Context, want Blob, r io.Reader, progress func(int64)) error {
	file, err := s.CreateTemp()
	if err != nil {
		return err
	}
	defer file.Discard()
	hasher := sha256.New()
	received, err := copyChunks(ctx, io.MultiWriter(diskWriter{file}, hasher), io.LimitReader(r, want.Size+1), progress)
	if err != nil {
		return err
	}
	if received != want.Size {
		return mismatch(want, "store", "at least %d bytes arrived, %d were announced", received, want.Size)
	}
	if got := sum(hasher); got != want.Digest {
		return mismatch(want, "store", "the content is %s", got)
	}
	return s.keep(file, want)
}

// Add stores what write produces, of unknown digest, up to limit bytes.
func (s *Store) Add(limit int64, write func(io.Writer) error) (Blob, error) {
	file, err := s.CreateTemp()
	if err != nil {
		return Blob{}, err
	}
	defer file.Discard()
	hasher := sha256.New()
	counter := &limitWriter{next: io.MultiWriter(diskWriter{file}, hasher), limit: limit}
	if err := write(counter); err != nil {
		return Blob{}, err
	}
	blob := Blob{Digest: sum(hasher), Size: counter.written}
	return blob, s.keep(file, blob)
}

// PutBytes stores a small document and returns its address.
func (s *Store) PutBytes(ctx context.Context, content []byte) (Blob, error) {
	digest, size, err := v1.SHA256(bytes.NewReader(content))
	if err != nil {
		return Blob{}, err
	}
	blob := Blob{Digest: digest, Size: size}
	if present, err := s.Has(ctx, blob); err != nil || present {
		return blob, err
	}
	return blob, s.Put(ctx, blob, bytes.NewReader(content), nil)
}

func (s *Store) keep(file *scratch.File, blob Blob) error {
	path := s.Path(blob.Digest)
	if err := file.Keep(path); err != nil {
		return fault.File("write", path, err)
	}
	s.remember(blob)
	return nil
}

func (s *Store) known(digest v1.Hash) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size, ok := s.verified[digest]
	return size, ok
}

func (s *Store) remember(blob Blob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verified[blob.Digest] = blob.Size
}

func mismatch(want Blob, action, format string, args ...any) *fault.Error {
	found := fault.New(fault.ImageDigestMismatch, format, args...)
	return fault.New(fault.ImageDigestMismatch, "%s %s: %w", action, want.Digest, found).
		With("digest", want.Digest.String()).With("sizeBytes", want.Size)
}

func sum(hasher hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(hasher.Sum(nil))}
}
