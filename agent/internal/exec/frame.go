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

// batchSize is how many full frames are written at once while output comes faster than it is read: what a write
// costs hardly depends on its size.
const batchSize = 4

// frameWriter lets both output pumps and the exit share one sink. What is not large goes at once.
type frameWriter struct {
	mu      sync.Mutex
	sink    Sink
	pending *batch // nil while nothing is held back
	filled  int
}

type batch [batchSize * len(frameBuffer{})]byte

// frameBuffer has room for the header in front of the payload, so that a frame is one write.
type frameBuffer [frame.HeaderSize + frame.MaxSize]byte

func (b *frameBuffer) payload() []byte { return b[frame.HeaderSize:] }

// Take is a Receiver.
func (w *frameWriter) Take(whole []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pending == nil && len(whole) < len(frameBuffer{}) {
		return w.send(whole)
	}
	if w.pending != nil && w.filled+len(whole) > len(w.pending) {
		if err := w.release(); err != nil {
			return err
		}
	}
	if w.pending == nil {
		w.pending = batches.Get().(*batch)
	}
	w.filled += copy(w.pending[w.filled:], whole)
	if w.filled == len(w.pending) {
		return w.release()
	}
	return nil
}

// Idle sends what is held back: nothing more comes for now.
func (w *frameWriter) Idle() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.release()
}

func (w *frameWriter) release() error {
	if w.pending == nil {
		return nil
	}
	err := w.send(w.pending[:w.filled])
	batches.Put(w.pending)
	w.pending, w.filled = nil, 0
	return err
}

func (w *frameWriter) send(frames []byte) error {
	if _, err := w.sink.Write(frames); err != nil {
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

var batches = sync.Pool{New: func() any { return new(batch) }}

var buffers = sync.Pool{New: func() any { return new(frameBuffer) }}
