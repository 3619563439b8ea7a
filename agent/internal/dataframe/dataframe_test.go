package dataframe_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"bandsox.dev/agent/internal/dataframe"
	"github.com/cespare/xxhash/v2"
)

func random(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}

func end(data []byte) []byte {
	return dataframe.Append(nil, dataframe.KindEnd, fmt.Appendf(nil, `{"bytes":%d,"xxh64":"%016x"}`, len(data), xxhash.Sum64(data)))
}

func encode(t *testing.T, data []byte) []byte {
	t.Helper()
	var frames bytes.Buffer
	w := dataframe.NewWriter(&frames)
	defer w.Release()
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return frames.Bytes()
}

func decode(from io.Reader) ([]byte, error) {
	r := dataframe.NewReader(from)
	defer r.Release()
	return io.ReadAll(r)
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, size := range []int{0, 1, dataframe.MaxSize - 1, dataframe.MaxSize, dataframe.MaxSize + 1, 4 * dataframe.MaxSize, 1 << 20} {
		data := random(size)
		frames := encode(t, data)
		for name, from := range map[string]io.Reader{
			"at once": bytes.NewReader(frames), "by halves": iotest.HalfReader(bytes.NewReader(frames)),
		} {
			if got, err := decode(from); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes %s: %d bytes, %v", size, name, len(got), err)
			}
		}
	}
}

// decodeByFill reads like decode, into places of a size.
func decodeByFill(from io.Reader, size int) ([]byte, error) {
	r := dataframe.NewReader(from)
	defer r.Release()
	var got []byte
	for {
		place := make([]byte, size)
		n, err := r.Fill(place)
		got = append(got, place[:n]...)
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		if n < size {
			return got, fmt.Errorf("%d of %d bytes without an error", n, size)
		}
	}
}

func TestPlacesOfAnySizeAreFilled(t *testing.T) {
	data := random(200_000)
	frames := encode(t, data)
	for _, size := range []int{7, dataframe.MaxSize, dataframe.MaxSize + 3, 1 << 20} {
		for name, from := range map[string]io.Reader{
			"at once": bytes.NewReader(frames), "by halves": iotest.HalfReader(bytes.NewReader(frames)),
		} {
			if got, err := decodeByFill(from, size); err != nil || !bytes.Equal(got, data) {
				t.Errorf("places of %d, %s: %d bytes, %v", size, name, len(got), err)
			}
		}
	}
	for cut := 0; cut < len(frames); cut += 997 {
		got, err := decodeByFill(bytes.NewReader(frames[:cut]), 50_000)
		if !errors.Is(err, dataframe.ErrBroken) || !bytes.HasPrefix(data, got) || len(got) < cut-100 {
			t.Fatalf("cut at %d: %d bytes, %v", cut, len(got), err)
		}
	}
}

func TestPlacesAreFilledAfterPayloadsWereTaken(t *testing.T) {
	data := random(300_000)
	r := dataframe.NewReader(bytes.NewReader(encode(t, data)))
	defer r.Release()
	first, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	got := bytes.Clone(first)
	rest := make([]byte, len(data))
	n, err := r.Fill(rest)
	if got = append(got, rest[:n]...); err != io.EOF || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestAFileIsSentFromWhereItIsAsked(t *testing.T) {
	data := random(900_001)
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, r := range [][2]int64{{0, 900_001}, {1, 900_000}, {70_000, 65_537}, {5, 0}} {
		var frames bytes.Buffer
		w := dataframe.NewWriter(&frames)
		w.Write([]byte("before"))
		err := errors.Join(w.ReadFile(int(file.Fd()), r[0], r[1]), w.Close())
		w.Release()
		want := append([]byte("before"), data[r[0]:r[0]+r[1]]...)
		if got, read := decode(&frames); err != nil || read != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: %d bytes, %v, %v", r, len(got), err, read)
		}
	}
	w := dataframe.NewWriter(io.Discard)
	defer w.Release()
	if err := w.ReadFile(int(file.Fd()), 900_000, 2); err != io.ErrUnexpectedEOF {
		t.Errorf("beyond the end: %v", err)
	}
}

func TestAStreamThatIsNotWholeIsNeverTakenForWhole(t *testing.T) {
	frames := encode(t, random(100_000))
	for cut := range len(frames) {
		if cut > 200 && cut < len(frames)-200 && cut%1009 != 0 {
			continue
		}
		if _, err := decode(bytes.NewReader(frames[:cut])); !errors.Is(err, dataframe.ErrBroken) {
			t.Fatalf("cut at %d of %d: %v", cut, len(frames), err)
		}
	}
	if _, err := decode(iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(frames)))); !errors.Is(err, dataframe.ErrBroken) ||
		!errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("a failing connection: %v", err)
	}
}

func TestDamageIsNoticed(t *testing.T) {
	data := dataframe.Append(nil, dataframe.KindData, []byte("abc"))
	for name, c := range map[string]struct {
		frames []byte
		want   error
	}{
		"another byte":        {append(dataframe.Append(nil, dataframe.KindData, []byte("abd")), end([]byte("abc"))...), dataframe.ErrChecksum},
		"a byte too few":      {append(dataframe.Append(nil, dataframe.KindData, []byte("ab")), end([]byte("abc"))...), dataframe.ErrChecksum},
		"an empty frame":      {append([]byte{5, 0, 0, 0, 0}, end(nil)...), dataframe.ErrFormat},
		"a frame too long":    {append([]byte{5, 0, 1, 0, 1}, make([]byte, 70_000)...), dataframe.ErrFormat},
		"an unknown kind":     {append([]byte{1, 0, 0, 0, 1, 'x'}, end(nil)...), dataframe.ErrFormat},
		"an end without hash": {append(data, dataframe.Append(nil, dataframe.KindEnd, []byte(`{"bytes":3}`))...), dataframe.ErrFormat},
		"an end with more":    {dataframe.Append(nil, dataframe.KindEnd, []byte(`{"bytes":0,"xxh64":"ef46db3751d8e999","a":1}`)), dataframe.ErrFormat},
		"more after the end":  {append(end(nil), 5), dataframe.ErrFormat},
	} {
		if _, err := decode(bytes.NewReader(c.frames)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "more after the end" {
			continue // which is not looked for
		}
		if _, err := decodeByFill(bytes.NewReader(c.frames), 10); !errors.Is(err, c.want) {
			t.Errorf("%s, into places: %v", name, err)
		}
	}
}

func TestEarlierBytesCount(t *testing.T) {
	whole := []byte("one two")
	frames := append(dataframe.Append(nil, dataframe.KindData, []byte("two")), end(whole)...)
	r := dataframe.NewReader(bytes.NewReader(frames))
	defer r.Release()
	if err := r.Before(bytes.NewReader([]byte("one "))); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "two" {
		t.Errorf("%q, %v", got, err)
	}
}

// FuzzReader: whatever comes, only bytes that fit their end frame are accepted.
func FuzzReader(f *testing.F) {
	f.Add([]byte{})
	f.Add(append(dataframe.Append(nil, dataframe.KindData, []byte("abc")), end([]byte("abc"))...))
	f.Add(append(dataframe.Append(nil, dataframe.KindData, []byte("abd")), end([]byte("abc"))...))
	f.Add([]byte{5, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, frames []byte) {
		got, err := decode(bytes.NewReader(frames))
		if err == nil && !bytes.Contains(frames, fmt.Appendf(nil, "%016x", xxhash.Sum64(got))) {
			t.Errorf("accepted %q as %q", frames, got)
		}
		if err != nil && !errors.Is(err, dataframe.ErrBroken) && !errors.Is(err, dataframe.ErrFormat) && !errors.Is(err, dataframe.ErrChecksum) {
			t.Errorf("untyped: %v", err)
		}
		if filled, failure := decodeByFill(bytes.NewReader(frames), 3); err == nil && (failure != nil || !bytes.Equal(filled, got)) {
			t.Errorf("into places: %q, %v", filled, failure)
		}
		again := encode(t, got)
		if back, err := decode(bytes.NewReader(again)); err != nil || !bytes.Equal(back, got) {
			t.Errorf("%q became %q: %v", got, back, err)
		}
	})
}
