package blobstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/fault"
)

// Read returns a small blob whole, after checking its digest. Larger than limit is an error.
func (s *Store) Read(digest v1.Hash, limit int64) ([]byte, error) {
	reader, err := s.OpenBlob(digest)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	if reader.size > limit {
		return nil, fault.New(fault.ImageInvalid, "read %s: it has %d bytes, at most %d are allowed", digest, reader.size, limit)
	}
	content, err := io.ReadAll(reader)
	if err != nil {
		return nil, err
	}
	return content, reader.Verify(context.Background())
}

// Reader reads a stored blob and hashes what it reads.
type Reader struct {
	file   *os.File
	digest v1.Hash
	size   int64
	hasher hash.Hash
}

// OpenBlob opens a stored blob. Its bytes are proven only once Verify returns nil.
func (s *Store) OpenBlob(digest v1.Hash) (*Reader, error) {
	path := s.Path(digest)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.ImageNotFound, "read %s: it is not in the store (%s)", digest, path).With("digest", digest.String())
	}
	if err != nil {
		return nil, fault.File("open", path, err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Reader{file: file, digest: digest, size: info.Size(), hasher: sha256.New()}, nil
}

// Size is the blob's size in bytes.
func (r *Reader) Size() int64 { return r.size }

func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	r.hasher.Write(p[:n])
	if err != nil && err != io.EOF {
		err = fault.File("read", r.file.Name(), err)
	}
	return n, err
}

// Verify reads what is left and checks the digest of the whole.
func (r *Reader) Verify(ctx context.Context) error {
	if _, err := copyChunks(ctx, io.Discard, r, nil); err != nil {
		return err
	}
	if got := sum(r.hasher); got != r.digest {
		return mismatch(Blob{r.digest, r.size}, "read", "the stored content is %s", got)
	}
	return nil
}

// Close releases the file.
func (r *Reader) Close() error { return r.file.Close() }
