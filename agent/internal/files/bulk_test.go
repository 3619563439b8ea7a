package files

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"bandsox.dev/agent/internal/dataframe"
)

// framed is data as it comes over the wire, in frames of an odd size.
func framed(t *testing.T, before, data []byte) *dataframe.Reader {
	t.Helper()
	var whole bytes.Buffer
	w := dataframe.NewWriter(&whole)
	defer w.Release()
	if _, err := w.Write(append(append([]byte{}, before...), data...)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// The end frame speaks of the whole; the data frames are only those of the rest.
	end := whole.Bytes()[bytes.LastIndexByte(whole.Bytes(), '{')-5:]
	var wire bytes.Buffer
	for rest := data; len(rest) > 0; {
		n := min(len(rest), 60_001)
		wire.Write(dataframe.Append(nil, dataframe.KindData, rest[:n]))
		rest = rest[n:]
	}
	wire.Write(end)
	reader := dataframe.NewReader(&wire)
	t.Cleanup(reader.Release)
	if err := reader.Before(bytes.NewReader(before)); err != nil {
		t.Fatal(err)
	}
	return reader
}

func TestLargeDataIsWrittenWholeWhereverItBegins(t *testing.T) {
	source := rand.NewChaCha8([32]byte{})
	for _, c := range []struct{ before, size int }{
		{0, 0}, {0, 1}, {0, bulkSize}, {0, bulkSize + 1}, {0, 3*bulkSize + 12_345}, {777, 2*bulkSize + 9},
	} {
		path := filepath.Join(t.TempDir(), "f")
		whole := make([]byte, c.before+c.size)
		source.Read(whole)
		if err := os.WriteFile(path, whole[:c.before], 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := receiveWhole(int(file.Fd()), framed(t, whole[:c.before], whole[c.before:]), int64(c.before)); err != nil {
			t.Errorf("%d bytes after %d: %v", c.size, c.before, err)
		}
		file.Close()
		if written, err := os.ReadFile(path); err != nil || !bytes.Equal(written, whole) {
			t.Errorf("%d bytes after %d: %d others came to be, %v", c.size, c.before, len(written), err)
		}
	}
}

func TestWhatArrivedOfLargeDataThatBreaksIsKept(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), bulkSize/8) // two buffers
	var wire bytes.Buffer
	for rest := data; len(rest) > 0; rest = rest[60_000:] {
		if len(rest) < 60_000 {
			break
		}
		wire.Write(dataframe.Append(nil, dataframe.KindData, rest[:60_000]))
	}
	arrived := len(data) / 60_000 * 60_000
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader := dataframe.NewReader(&wire)
	defer reader.Release()
	if err := receiveWhole(int(file.Fd()), reader, 0); err == nil {
		t.Error("data without its end is complete")
	}
	if info, _ := file.Stat(); info.Size() != int64(arrived) {
		t.Errorf("%d bytes are kept of %d", info.Size(), arrived)
	}
}
