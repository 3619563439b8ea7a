package dataframe

import (
	"encoding/json"
	"io"
	"os"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"
)

// Writer turns bytes into data frames, several of them a write. Without Close the stream has no end frame and so is
// broken; Release must be called in any case.
type Writer struct {
	to      io.Writer
	buffer  *buffer
	sealed  int // bytes of finished frames in the buffer
	filled  int // payload bytes of the frame that follows them
	total   int64
	digest  xxhash.Digest
	iovecs  [batch][]byte
	plain   bool  // it does not count: who knows the whole tells the end
	begun   bool  // something has been sent
	failure error // the first failed write; nothing is written after it
}

// NewWriter writes frames to `to`.
func NewWriter(to io.Writer) *Writer {
	w := &Writer{to: to, buffer: buffers.Get().(*buffer)}
	w.digest.Reset()
	return w
}

// NewPlainWriter is for a part of what is to be told by CloseAs.
func NewPlainWriter(to io.Writer) *Writer {
	w := NewWriter(to)
	w.plain = true
	return w
}

// Release gives the writer's memory back.
func (w *Writer) Release() {
	if w.buffer != nil {
		buffers.Put(w.buffer)
		w.buffer = nil
	}
}

// Write adds data. It is sent when a batch of frames is full.
func (w *Writer) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 && w.failure == nil {
		n := copy(w.buffer[w.sealed+headerSize+w.filled:w.sealed+headerSize+MaxSize], p)
		w.advance(n)
		written, p = written+n, p[n:]
	}
	return written, w.failure
}

// ReadFile adds length bytes of the file open as fd from offset, without copying them; a file that turns out to be shorter is
// io.ErrUnexpectedEOF.
func (w *Writer) ReadFile(fd int, offset, length int64) error {
	for length > 0 && w.failure == nil {
		n, err := unix.Preadv(fd, w.space(length), offset)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("read", err)
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		offset, length = offset+int64(n), length-int64(n)
		w.advance(n)
	}
	return w.failure
}

// space is where the next payload bytes go, at most limit of them.
func (w *Writer) space(limit int64) [][]byte {
	spans := w.iovecs[:0]
	start, used := w.sealed, w.filled
	for limit > 0 && start < len(w.buffer) {
		span := w.buffer[start+headerSize+used : start+headerSize+MaxSize]
		span = span[:min(limit, int64(len(span)))]
		spans = append(spans, span)
		limit -= int64(len(span))
		start, used = start+headerSize+MaxSize, 0
	}
	return spans
}

// advance accepts n bytes that were put into space and sends the batch when it is full.
func (w *Writer) advance(n int) {
	w.total += int64(n)
	for n > 0 {
		step := min(n, MaxSize-w.filled)
		w.filled += step
		n -= step
		if w.filled == MaxSize {
			w.seal()
		}
	}
	if w.sealed == len(w.buffer) {
		w.send()
	}
}

// seal finishes the current frame if it has a payload.
func (w *Writer) seal() {
	if w.filled == 0 {
		return
	}
	putHeader(w.buffer[w.sealed:], KindData, w.filled)
	payload := w.buffer[w.sealed+headerSize : w.sealed+headerSize+w.filled]
	if !w.plain {
		w.digest.Write(payload)
	}
	w.sealed += headerSize + w.filled
	w.filled = 0
}

// HasBegun tells whether anything has been sent.
func (w *Writer) HasBegun() bool { return w.begun }

func (w *Writer) send() {
	if w.failure == nil && w.sealed > 0 {
		w.begun = true
		_, w.failure = w.to.Write(w.buffer[:w.sealed])
	}
	w.sealed = 0
}

// Close sends what is left and the end frame.
func (w *Writer) Close() error {
	w.seal()
	return w.CloseAs(Sum{w.total, w.digest})
}

// CloseAs is Close with an end frame that speaks of more than was written here.
func (w *Writer) CloseAs(whole Sum) error {
	w.seal()
	w.send()
	if w.failure != nil {
		return w.failure
	}
	payload, err := json.Marshal(end{Bytes: &whole.Bytes, XXH64: checksum(&whole.digest)})
	if err != nil {
		return err
	}
	w.begun = true
	_, w.failure = w.to.Write(Append(nil, KindEnd, payload))
	return w.failure
}
