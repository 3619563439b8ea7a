package snapshotfile

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"bandsox.dev/agent/internal/image/fault"
)

// DigestsName is the last entry: the digests of the entries before it, by name.
const DigestsName = "digests.json"

// Source is a file to be written.
type Source struct {
	Name string
	Path string
}

// Write writes files, in that order, and then their digests.
func Write(ctx context.Context, out io.Writer, sources []Source) error {
	compressor, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressor)
	digests := map[string]string{}
	for _, source := range sources {
		digest, err := writeSparse(ctx, archive, source)
		if err != nil {
			return err
		}
		digests[source.Name] = digest
	}
	body, err := json.Marshal(digests)
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(header(DigestsName, int64(len(body)))); err != nil {
		return err
	}
	if _, err := archive.Write(body); err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return compressor.Close()
}

// Digest is the digest that the file's entry has.
func Digest(ctx context.Context, path string) (string, error) {
	return encode(ctx, path, func(int64) (io.Writer, error) { return io.Discard, nil })
}

func writeSparse(ctx context.Context, archive *tar.Writer, source Source) (string, error) {
	return encode(ctx, source.Path, func(size int64) (io.Writer, error) {
		return archive, archive.WriteHeader(header(source.Name, size))
	})
}

// encode writes a file as an entry to what begin returns for the entry's size, and returns its digest.
func encode(ctx context.Context, path string, begin func(size int64) (io.Writer, error)) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fault.File("read", path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", fault.File("read", path, err)
	}
	extents, err := contentExtents(ctx, file, info.Size())
	if err != nil {
		return "", err
	}
	head := sparseHead(info.Size(), extents)
	out, err := begin(int64(len(head)) + contentLength(extents))
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	both := io.MultiWriter(hash, out)
	if _, err := both.Write(head); err != nil {
		return "", err
	}
	for _, e := range extents {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := io.Copy(both, io.NewSectionReader(file, e.offset, e.length))
		if err != nil {
			return "", fault.File("read", path, err)
		}
		if n != e.length {
			return "", fault.File("read", path, io.ErrUnexpectedEOF)
		}
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}

// header says nothing of whoever wrote it, so that the same content is the same archive.
func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, Format: tar.FormatPAX}
}
