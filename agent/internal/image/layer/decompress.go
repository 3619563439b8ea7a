package layer

import (
	"bufio"
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"bandsox.dev/agent/internal/image/fault"
)

// maxZstdWindow bounds the memory one zstd stream may ask for.
const maxZstdWindow = 128 << 20

// Compression is how a layer is compressed, by its first bytes.
type Compression string

const (
	Plain Compression = ""
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
)

var (
	gzipMagic  = []byte{0x1f, 0x8b}
	zstdMagic  = []byte{0x28, 0xb5, 0x2f, 0xfd}
	bzip2Magic = []byte("BZh")
	xzMagic    = []byte{0xfd, '7', 'z', 'X', 'Z', 0}
)

const longestMagic = 6

// Sniff recognises a compression without consuming anything.
func Sniff(r *bufio.Reader) (Compression, error) {
	head, err := r.Peek(longestMagic)
	if err != nil && err != io.EOF {
		return Plain, err
	}
	isSkippable := len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18})
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return Gzip, nil
	case bytes.HasPrefix(head, zstdMagic), isSkippable:
		return Zstd, nil
	case bytes.HasPrefix(head, bzip2Magic):
		return Plain, fault.New(fault.ImageUnsupported, "decompress: bzip2 is not supported, only gzip and zstd are")
	case bytes.HasPrefix(head, xzMagic):
		return Plain, fault.New(fault.ImageUnsupported, "decompress: xz is not supported, only gzip and zstd are")
	}
	return Plain, nil
}

// Decompress reads what r contains, whatever it is compressed with. The caller
// closes the result, which does not close r.
func Decompress(r io.Reader) (io.ReadCloser, Compression, error) {
	buffered := bufio.NewReaderSize(r, 256<<10)
	compression, err := Sniff(buffered)
	if err != nil {
		return nil, compression, err
	}
	switch compression {
	case Gzip:
		reader, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, compression, broken(compression, err)
		}
		return decoded{reader, compression, func() { reader.Close() }}, compression, nil
	case Zstd:
		reader, err := zstd.NewReader(buffered,
			zstd.WithDecoderMaxWindow(maxZstdWindow),
			zstd.WithDecoderConcurrency(1)) // nothing reads r behind the caller's back
		if err != nil {
			return nil, compression, broken(compression, err)
		}
		return decoded{reader, compression, reader.Close}, compression, nil
	}
	return io.NopCloser(buffered), compression, nil
}

// decoded gives errors of the compressed format their code.
type decoded struct {
	reader      io.Reader
	compression Compression
	close       func()
}

func (d decoded) Read(p []byte) (int, error) {
	n, err := d.reader.Read(p)
	if err != nil && err != io.EOF {
		err = broken(d.compression, err)
	}
	return n, err
}

func (d decoded) Close() error {
	d.close()
	return nil
}

func broken(compression Compression, err error) error {
	known := fault.From(err)
	if known.Code != fault.Internal {
		return err
	}
	return fault.New(fault.ImageInvalid, "decompress %s: %w", compression, err)
}
