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
	left       int    // bytes of the current payload that Fill has not taken yet
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

// Fill is Next for who has a place for much data: it reads there, without another copy, until p is full or, with the error of
// Next, as far as data came. After it only Fill goes on.
func (r *Reader) Fill(p []byte) (int, error) {
	filled := 0
	for filled < len(p) && r.failure == nil {
		if r.left == 0 {
			r.failure = r.begin()
			continue
		}
		n, err := r.take(p[filled:min(len(p), filled+r.left)])
		r.digest.Write(p[filled : filled+n])
		r.total += int64(n)
		r.left -= n
		filled += n
		r.failure = err
	}
	return filled, r.failure
}

// begin reads the header of a frame, and of the end frame all.
func (r *Reader) begin() error {
	var header [headerSize]byte
	if _, err := r.take(header[:]); err != nil {
		return err
	}
	kind, length, err := parseHeader(header[:])
	if err != nil {
		return err
	}
	if kind == KindData {
		r.left = length
		return nil
	}
	payload := make([]byte, length)
	if _, err := r.take(payload); err != nil {
		return err
	}
	return r.verify(payload)
}

// take reads all of p, first from what is in the buffer.
func (r *Reader) take(p []byte) (int, error) {
	had := copy(p, r.buffer[r.start:r.end])
	r.start += had
	n, err := io.ReadFull(r.from, p[had:])
	return had + n, broken(err)
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
	kind, length, err := parseHeader(r.buffer[r.start:])
	if err != nil {
		return 0, nil, err
	}
	if err := r.fill(headerSize + length); err != nil {
		return 0, nil, err
	}
	payload := r.buffer[r.start+headerSize : r.start+headerSize+length]
	r.start += headerSize + length
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
	return broken(err)
}

// broken is what a failed read says of the stream.
func broken(err error) error {
	switch err {
	case nil:
		return nil
	case io.EOF, io.ErrUnexpectedEOF:
		return ErrBroken
	}
	return fmt.Errorf("%w: %w", ErrBroken, err)
}

// parseHeader refuses frames that do not belong here.
func parseHeader(header []byte) (kind Kind, length int, err error) {
	kind = Kind(header[0])
	announced := binary.BigEndian.Uint32(header[1:headerSize])
	switch {
	case kind != KindData && kind != KindEnd:
		return 0, 0, fmt.Errorf("%w: a frame has kind %d", ErrFormat, kind)
	case announced == 0 || announced > MaxSize || kind == KindEnd && announced > maxEndSize:
		return 0, 0, fmt.Errorf("%w: a frame of kind %d has %d bytes", ErrFormat, kind, announced)
	}
	return kind, int(announced), nil
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
