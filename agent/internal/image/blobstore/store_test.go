package blobstore_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"bandsox.dev/agent/internal/image/blobstore"
	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
)

func blobOf(t *testing.T, content []byte) blobstore.Blob {
	return blobstore.Blob{Digest: Digest(t, content), Size: int64(len(content))}
}

func TestPutKeepsOnlyWhatWasWanted(t *testing.T) {
	content := bytes.Repeat([]byte("content"), 100_000)
	for name, row := range map[string]struct {
		want blobstore.Blob
		r    io.Reader
		code fault.Code // "" for success
	}{
		"the blob":      {blobOf(t, content), iotest.HalfReader(bytes.NewReader(content)), ""},
		"an empty blob": {blobOf(t, nil), bytes.NewReader(nil), ""},
		"too short":     {blobOf(t, content), bytes.NewReader(content[1:]), fault.ImageDigestMismatch},
		"too long":      {blobOf(t, content[1:]), bytes.NewReader(content), fault.ImageDigestMismatch},
		"other content": {blobOf(t, content), strings.NewReader(strings.ToUpper(string(content))), fault.ImageDigestMismatch},
		"a broken read": {blobOf(t, content), iotest.TimeoutReader(iotest.HalfReader(bytes.NewReader(content))), fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			store, err := blobstore.Open(dir)
			Must(t, err)
			err = store.Put(context.Background(), row.want, row.r, nil)
			if row.code == "" {
				Must(t, err)
				Must(t, present(t, dir, row.want))
			} else {
				WantCode(t, err, row.code)
				if present(t, dir, row.want) == nil {
					t.Error("the blob was kept")
				}
			}
			wantEmpty(t, filepath.Join(dir, "tmp"))
		})
	}
}

// present looks with another store, which knows nothing yet.
func present(t *testing.T, dir string, blob blobstore.Blob) error {
	t.Helper()
	store, err := blobstore.Open(dir)
	Must(t, err)
	ok, err := store.Has(context.Background(), blob)
	Must(t, err)
	if !ok {
		return os.ErrNotExist
	}
	return nil
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	Must(t, err)
	if len(entries) > 0 {
		t.Errorf("%s holds %v", dir, entries)
	}
}

func TestPutReadsNoMoreThanOneByteTooMany(t *testing.T) {
	store := NewStore(t)
	var delivered int
	endless := readerFunc(func(p []byte) (int, error) {
		delivered += len(p)
		return len(p), nil
	})
	want := blobstore.Blob{Digest: Digest(t, []byte("x")), Size: 1000}
	WantCode(t, store.Put(context.Background(), want, endless, nil), fault.ImageDigestMismatch)
	if delivered != 1001 {
		t.Errorf("%d bytes were read", delivered)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestHasNoticesDamage(t *testing.T) {
	dir := t.TempDir()
	store, err := blobstore.Open(dir)
	Must(t, err)
	blob, err := store.PutBytes(context.Background(), []byte("content"))
	Must(t, err)
	for _, damaged := range []string{"CONTENT", "contents", ""} {
		Must(t, os.WriteFile(store.Path(blob.Digest), []byte(damaged), 0o600))
		if present(t, dir, blob) == nil {
			t.Errorf("%q passes for the blob", damaged)
		}
	}
}

func TestAddIsBounded(t *testing.T) {
	dir := t.TempDir()
	store, err := blobstore.Open(dir)
	Must(t, err)
	_, err = store.Add(10, func(w io.Writer) error {
		_, err := w.Write(make([]byte, 11))
		return err
	})
	WantCode(t, err, fault.ImageTooLarge)
	wantEmpty(t, filepath.Join(dir, "tmp"))
	wantEmpty(t, filepath.Join(dir, "blobs", "sha256"))
}

func TestReadIsBoundedAndVerified(t *testing.T) {
	store := NewStore(t)
	blob, err := store.PutBytes(context.Background(), []byte("content"))
	Must(t, err)
	_, err = store.Read(blob.Digest, 6)
	WantCode(t, err, fault.ImageInvalid)
	Must(t, os.WriteFile(store.Path(blob.Digest), []byte("CONTENT"), 0o600))
	_, err = store.Read(blob.Digest, 7)
	WantCode(t, err, fault.ImageDigestMismatch)
	_, err = store.Read(Digest(t, []byte("absent")), 7)
	WantCode(t, err, fault.ImageNotFound)
}

func TestOpenRemovesWhatDeadWritersLeft(t *testing.T) {
	dir := t.TempDir()
	store, err := blobstore.Open(dir)
	Must(t, err)
	old := time.Now().Add(-time.Hour)
	abandoned, fresh := filepath.Join(dir, "tmp", "blob-1.tmp"), filepath.Join(dir, "tmp", "blob-2.tmp")
	foreign := filepath.Join(dir, "tmp", "notes.txt")
	for _, path := range []string{abandoned, fresh, foreign} {
		Must(t, os.WriteFile(path, nil, 0o600))
	}
	held, err := store.CreateTemp()
	Must(t, err)
	defer held.Discard()
	for _, path := range []string{abandoned, foreign, held.Name()} {
		Must(t, os.Chtimes(path, old, old))
	}
	_, err = blobstore.Open(dir)
	Must(t, err)
	for path, want := range map[string]bool{abandoned: false, fresh: true, foreign: true, held.Name(): true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it kept: %v", filepath.Base(path), err, want)
		}
	}
}

func TestAFullDiskIsNamed(t *testing.T) {
	NeedRoot(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("skipped: cannot mount a small tmpfs: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	store, err := blobstore.Open(dir)
	Must(t, err)
	content := make([]byte, 1<<20)
	failure := WantCode(t, store.Put(context.Background(), blobOf(t, content), bytes.NewReader(content), nil), fault.DiskFull)
	if !strings.HasPrefix(failure.Details["path"].(string), dir) {
		t.Errorf("got %s", failure.Message)
	}
	wantEmpty(t, filepath.Join(dir, "tmp"))
}
