package exec

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"sync"
)

// A stream of frames is: kind (1 byte), length (4 bytes, big endian), length bytes; the exit frame is the last.
const (
	frameHeaderSize = 5
	// MaxFrameSize is the largest payload of a frame in bytes.
	MaxFrameSize = 64 << 10
)

// Kind says what a frame carries.
type Kind byte

const (
	KindStdout Kind = 1
	KindStderr Kind = 2
	KindExit   Kind = 3
)

// Sink takes frames on their way to the client. A write blocks while the client does not read.
type Sink interface {
	io.Writer
	Flush() error
}

// frameWriter lets both output pumps and the exit share one sink.
type frameWriter struct {
	mu   sync.Mutex
	sink Sink
}

// frameBuffer has room for the header in front of the payload, so that a frame is one write.
type frameBuffer [frameHeaderSize + MaxFrameSize]byte

func (b *frameBuffer) payload() []byte { return b[frameHeaderSize:] }

func (w *frameWriter) write(kind Kind, buffer *frameBuffer, length int) error {
	buffer[0] = byte(kind)
	binary.BigEndian.PutUint32(buffer[1:], uint32(length))
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.sink.Write(buffer[:frameHeaderSize+length]); err != nil {
		return err
	}
	return w.sink.Flush()
}

func (w *frameWriter) writeExit(result Result) error {
	body, err := json.Marshal(result)
	if err != nil {
		return err
	}
	buffer := buffers.Get().(*frameBuffer)
	defer buffers.Put(buffer)
	return w.write(KindExit, buffer, copy(buffer.payload(), body))
}

var buffers = sync.Pool{New: func() any { return new(frameBuffer) }}
