package dataframe

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
)

// maxEndSize bounds the payload of an end frame in bytes.
const maxEndSize = 256

// Reader takes data frames apart and verifies the end frame. Release must be called.
type Reader struct {
	from       io.Reader
	buffer     *buffer
	start, end int    // what of the buffer has been read and not been looked at
	rest       []byte // of the current payload, for Read
	total      int64
	digest     xxhash.Digest
	failure    error // io.EOF after a verified end
}

// NewReader reads frames from `from`.
func NewReader(from io.Reader) *Reader {
	r := &Reader{from: from, buffer: buffers.Get().(*buffer)}
	r.digest.Reset()
	return r
}

// Release gives the reader's memory back; payloads it has returned are not valid any more.
func (r *Reader) Release() {
	if r.buffer != nil {
		buffers.Put(r.buffer)
		r.buffer, r.rest, r.failure = nil, nil, io.ErrClosedPipe
	}
}

// Before takes bytes that came with an earlier stream into the count and the hash: the end frame speaks of the whole.
func (r *Reader) Before(earlier io.Reader) error {
	n, err := io.CopyBuffer(struct{ io.Writer }{&r.digest}, struct{ io.Reader }{earlier}, r.buffer[:])
	r.total += n
	return err
}

// Sum is that of all data frames which have been read.
func (r *Reader) Sum() Sum { return Sum{r.total, r.digest} }

// After goes on from what another reader has read: the end frame speaks of the whole.
func (r *Reader) After(earlier Sum) {
	if earlier.Bytes > 0 {
		r.total, r.digest = earlier.Bytes, earlier.digest
	}
}

// Next returns the payload of the next data frame, valid until the next call; io.EOF after an end frame that fits.
// Other errors wrap ErrBroken, ErrFormat or ErrChecksum and stay.
func (r *Reader) Next() ([]byte, error) {
	if r.failure != nil {
		return nil, r.failure
	}
	kind, payload, err := r.frame()
	if err == nil && kind == KindData {
		r.digest.Write(payload)
		r.total += int64(len(payload))
		return payload, nil
	}
	if err == nil {
		err = r.verify(payload)
	}
	r.failure = err
	return nil, err
}

// Read is Next for those who want a stream of bytes.
func (r *Reader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		payload, err := r.Next()
		if err != nil {
			return 0, err
		}
		r.rest = payload
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Failure is what ended the stream early, nil when nothing has.
func (r *Reader) Failure() error {
	if r.failure == io.EOF {
		return nil
	}
	return r.failure
}

func (r *Reader) frame() (Kind, []byte, error) {
	if err := r.fill(headerSize); err != nil {
		return 0, nil, err
	}
	kind := Kind(r.buffer[r.start])
	length := binary.BigEndian.Uint32(r.buffer[r.start+1:])
	switch {
	case kind != KindData && kind != KindEnd:
		return 0, nil, fmt.Errorf("%w: a frame has kind %d", ErrFormat, kind)
	case length == 0 || length > MaxSize || kind == KindEnd && length > maxEndSize:
		return 0, nil, fmt.Errorf("%w: a frame of kind %d has %d bytes", ErrFormat, kind, length)
	}
	if err := r.fill(headerSize + int(length)); err != nil {
		return 0, nil, err
	}
	payload := r.buffer[r.start+headerSize : r.start+headerSize+int(length)]
	r.start += headerSize + int(length)
	return kind, payload, nil
}

// fill makes sure that the next size bytes are in the buffer.
func (r *Reader) fill(size int) error {
	if r.end-r.start >= size {
		return nil
	}
	if r.start == r.end || r.start+size > len(r.buffer) {
		r.end = copy(r.buffer[:], r.buffer[r.start:r.end])
		r.start = 0
	}
	n, err := io.ReadAtLeast(r.from, r.buffer[r.end:], size-(r.end-r.start))
	r.end += n
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return ErrBroken
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return nil
}

// verify returns io.EOF when the end frame says what has come.
func (r *Reader) verify(payload []byte) error {
	var said end
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&said); err != nil {
		return fmt.Errorf("%w: its end frame: %w", ErrFormat, err)
	}
	if _, err := decoder.Token(); err != io.EOF || said.Bytes == nil || said.XXH64 == "" {
		return fmt.Errorf(`%w: its end frame is not {"bytes", "xxh64"}`, ErrFormat)
	}
	if r.start < r.end {
		return fmt.Errorf("%w: more follows after the end frame", ErrFormat)
	}
	if found := checksum(&r.digest); *said.Bytes != r.total || said.XXH64 != found {
		return fmt.Errorf("%w: %d bytes with xxh64 %s came, it speaks of %d and %.16q",
			ErrChecksum, r.total, found, *said.Bytes, said.XXH64)
	}
	return io.EOF
}
