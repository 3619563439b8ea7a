package layer_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
	"bandsox.dev/agent/internal/image/layer"
)

func TestDecompressRecognisesByContent(t *testing.T) {
	text := []byte("some text, repeated: some text, repeated")
	skippable := append([]byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3}, Zstd(t, text)...)
	for name, row := range map[string]struct {
		packed []byte
		want   layer.Compression
	}{
		"plain":                      {text, layer.Plain},
		"gzip":                       {Gzip(t, text), layer.Gzip},
		"zstd":                       {Zstd(t, text), layer.Zstd},
		"zstd after skippable frame": {skippable, layer.Zstd},
	} {
		t.Run(name, func(t *testing.T) {
			reader, compression, err := layer.Decompress(iotest.OneByteReader(bytes.NewReader(row.packed)))
			Must(t, err)
			defer reader.Close()
			got, err := io.ReadAll(reader)
			Must(t, err)
			if compression != row.want || !bytes.Equal(got, text) {
				t.Errorf("got %q as %q", got, compression)
			}
		})
	}
}

func TestDecompressEmpty(t *testing.T) {
	reader, compression, err := layer.Decompress(bytes.NewReader(nil))
	Must(t, err)
	if content, err := io.ReadAll(reader); err != nil || len(content) != 0 || compression != layer.Plain {
		t.Errorf("got %q, %q, %v", content, compression, err)
	}
}

func TestDecompressRefuses(t *testing.T) {
	hugeWindow := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00} // 2 GiB
	packed := Gzip(t, slices.Repeat([]byte("text"), 1000))
	for name, row := range map[string]struct {
		packed []byte
		want   fault.Code
	}{
		"bzip2":               {[]byte("BZh91AY&SY"), fault.ImageUnsupported},
		"xz":                  {[]byte("\xfd7zXZ\x00\x00\x04"), fault.ImageUnsupported},
		"a huge zstd window":  {hugeWindow, fault.ImageInvalid},
		"a truncated gzip":    {packed[:len(packed)-6], fault.ImageInvalid},
		"garbage behind gzip": {append(bytes.Clone(packed), "garbage garbage"...), fault.ImageInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			reader, _, err := layer.Decompress(bytes.NewReader(row.packed))
			if err == nil {
				_, err = io.ReadAll(reader)
			}
			WantCode(t, err, row.want)
		})
	}
}

func TestReadAheadDeliversEverythingThenTheError(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 1<<19)
	broken := errors.New("broken")
	ahead := layer.NewReadAhead(io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)))
	defer ahead.Stop()
	got, err := io.ReadAll(iotest.HalfReader(ahead))
	if !errors.Is(err, broken) || !bytes.Equal(got, content) {
		t.Errorf("got %d of %d bytes and %v", len(got), len(content), err)
	}
}

func TestReadAheadStopsAnEndlessStream(t *testing.T) {
	ahead := layer.NewReadAhead(zeros{})
	_, err := ahead.Read(make([]byte, 10))
	Must(t, err)
	ahead.Stop()
	ahead.Stop()
}
