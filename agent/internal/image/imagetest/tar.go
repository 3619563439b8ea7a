// Package imagetest makes layers and images for tests.
package imagetest

import (
	"archive/tar"
	"bytes"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// ModTime is the time of entries that do not say otherwise.
var ModTime = time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)

// Entry is one tar entry; build it with the functions below.
type Entry struct {
	tar.Header
	Body string
}

// Dir is a directory, mode 0755.
func Dir(name string) Entry {
	return Entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}}
}

// File is a regular file, mode 0644.
func File(name, body string) Entry {
	return Entry{Header: tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(body))}, Body: body}
}

// Symlink points to target.
func Symlink(name, target string) Entry {
	return Entry{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}}
}

// Hardlink is another name of target.
func Hardlink(name, target string) Entry {
	return Entry{Header: tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644}}
}

// Device is a character or block device or a fifo.
func Device(name string, kind byte, major, minor int64) Entry {
	return Entry{Header: tar.Header{Typeflag: kind, Name: name, Mode: 0o640, Devmajor: major, Devminor: minor}}
}

// Whiteout deletes a lower entry; name is the path of what is deleted.
func Whiteout(dir, name string) Entry { return File(dir+".wh."+name, "") }

// Opaque hides what lower layers have in a directory.
func Opaque(dir string) Entry { return File(dir+"/.wh..wh..opq", "") }

// Owned sets the owner.
func (e Entry) Owned(uid, gid int) Entry {
	e.Uid, e.Gid = uid, gid
	return e
}

// WithMode sets the permission bits, setuid and the like included.
func (e Entry) WithMode(mode int64) Entry {
	e.Mode = mode
	return e
}

// At sets the modification time.
func (e Entry) At(t time.Time) Entry {
	e.ModTime = t
	return e
}

// WithXattr adds an extended attribute.
func (e Entry) WithXattr(name, value string) Entry {
	records := map[string]string{"SCHILY.xattr." + name: value}
	for key, old := range e.PAXRecords {
		records[key] = old
	}
	e.PAXRecords = records
	return e
}

// Tar writes entries as an uncompressed layer.
func Tar(t testing.TB, entries ...Entry) []byte {
	t.Helper()
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, entry := range entries {
		header := entry.Header
		header.Format = tar.FormatPAX
		if header.ModTime.IsZero() && header.Typeflag != tar.TypeXGlobalHeader {
			header.ModTime = ModTime
		}
		Must(t, writer.WriteHeader(&header))
		_, err := writer.Write([]byte(entry.Body))
		Must(t, err)
	}
	Must(t, writer.Close())
	return buffer.Bytes()
}

// Gzip compresses a layer.
func Gzip(t testing.TB, plain []byte) []byte {
	t.Helper()
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	_, err := writer.Write(plain)
	Must(t, err)
	Must(t, writer.Close())
	return buffer.Bytes()
}

// Zstd compresses a layer.
func Zstd(t testing.TB, plain []byte) []byte {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	Must(t, err)
	defer encoder.Close()
	return encoder.EncodeAll(plain, nil)
}

// Must ends the test on an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
