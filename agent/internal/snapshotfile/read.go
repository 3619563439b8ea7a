package snapshotfile

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"bandsox.dev/agent/internal/image/fault"
)

const (
	maxDigests = 64 << 10
	// maxWindow is the memory a compressed stream may ask for, in bytes.
	maxWindow = 64 << 20
)

// Wanted is a file that may be in an archive, and how large it may be.
type Wanted struct {
	// Limit is its largest size in bytes
	Limit int64
	// Size is the size it must have; 0: any up to Limit
	Size int64
}

// Read writes the files of an archive into dir, under the names that are wanted and no others, and checks their
// digests. It returns these. On failure some files may be there.
func Read(ctx context.Context, in io.Reader, dir string, wanted map[string]Wanted) (map[string]string, error) {
	decompressor, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer decompressor.Close()
	digests, err := readEntries(ctx, tar.NewReader(decompressor), dir, wanted)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var known *fault.Error
		if errors.As(err, &known) {
			return nil, err
		}
		return nil, fault.New(fault.SnapshotInvalid, "read the snapshot: %w", err)
	}
	return digests, nil
}

func readEntries(ctx context.Context, archive *tar.Reader, dir string, wanted map[string]Wanted) (map[string]string, error) {
	found := map[string]string{}
	for {
		entry, err := archive.Next()
		if err == io.EOF {
			return nil, errors.New("it breaks off before its digests")
		}
		if err != nil {
			return nil, err
		}
		if entry.Name == DigestsName {
			return found, checkDigests(archive, found)
		}
		want, ok := wanted[entry.Name]
		if !ok || entry.Typeflag != tar.TypeReg {
			return nil, fmt.Errorf("it has an entry %.80q that no snapshot has", entry.Name)
		}
		if _, twice := found[entry.Name]; twice {
			return nil, fmt.Errorf("it has %s twice", entry.Name)
		}
		digest, err := readEntry(ctx, archive, filepath.Join(dir, entry.Name), want)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", entry.Name, err)
		}
		found[entry.Name] = digest
	}
}

func readEntry(ctx context.Context, entry io.Reader, path string, want Wanted) (string, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fault.File("write", path, err)
	}
	hash := sha256.New()
	err = readSparse(ctx, io.TeeReader(entry, hash), file, want.Limit, want.Size)
	if closed := file.Close(); err == nil && closed != nil {
		err = fault.File("write", path, closed)
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), err
}

func checkDigests(archive io.Reader, found map[string]string) error {
	body, err := io.ReadAll(io.LimitReader(archive, maxDigests))
	if err != nil {
		return err
	}
	stated := map[string]string{}
	if err := json.Unmarshal(body, &stated); err != nil {
		return fmt.Errorf("%s: %w", DigestsName, err)
	}
	for name, digest := range found {
		if stated[name] != digest {
			return fmt.Errorf("%s has the digest %s, %s is stated", name, digest, orNone(stated[name]))
		}
	}
	for name := range stated {
		if found[name] == "" {
			return fmt.Errorf("%.80q is missing", name)
		}
	}
	return nil
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return fmt.Sprintf("%.100s", text)
}
