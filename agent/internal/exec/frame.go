package exec

import (
	"encoding/json"
	"io"
	"sync"

	"bandsox.dev/agent/internal/frame"
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
type frameBuffer [frame.HeaderSize + frame.MaxSize]byte

func (b *frameBuffer) payload() []byte { return b[frame.HeaderSize:] }

// Take is a Receiver.
func (w *frameWriter) Take(whole []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.sink.Write(whole); err != nil {
		return err
	}
	return w.sink.Flush()
}

// ExitFrame is the last frame of a command.
func ExitFrame(result Result) []byte {
	body, err := json.Marshal(result)
	if err != nil {
		panic(err) // our own type
	}
	return frame.Append(nil, frame.Exit, body)
}

var buffers = sync.Pool{New: func() any { return new(frameBuffer) }}
