package run

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/frame"
)

const (
	// How many bytes of frames may be on their way to a client that has not said it has them. They are kept; beyond them
	// the command waits. At least what the way itself holds, or it would be the bound of a fast command; more, where few
	// commands share the memory there is for all, for each time a client says what it has costs a call.
	windowMin, windowMax, windows = 512 << 10, 4 << 20, 16 << 20
	// batch is how many bytes are written at once while output comes faster than it is read.
	batch = 4 * fullFrame
	// fullFrame is the size of a frame that a read has filled: more may be there.
	fullFrame = frame.HeaderSize + frame.MaxSize
	// What is kept is allocated in chunks, each this many times as large as the one before; most commands print little.
	firstChunk  = 512
	chunkGrowth = 4
)

var (
	// ErrAhead is a position that the command has not reached.
	ErrAhead = errors.New("the command has not printed that much")
	errGone  = errors.New("the client had that already, and it is kept no longer")
)

// line is the frames of one command in the order they go to its client, whichever connection carries them. A position
// in it is the number of bytes before.
type line struct {
	ctx      context.Context // until nobody wants the command any more
	window   int64
	received atomic.Int64  // the position up to which the client has it
	room     chan struct{} // a token when the client has received more
	last     chan struct{} // closed when there will be no more

	taking sync.Mutex // one frame at a time is added

	mu     sync.Mutex // held during writes
	chunks []chunk
	end    int64
	sent   int64   // what was written to the connection there is, or to the one before
	to     Carrier // nil: none
	isLast bool

	chunkSize int // of the newest chunk there was
}

// chunk is whole frames, from a position on.
type chunk struct {
	from int64
	data []byte
}

var chunks = sync.Pool{New: func() any { return new([batch]byte) }}

// Take is an exec.Receiver. It waits for room; while there is no connection, what there is room for is kept.
func (l *line) Take(whole []byte) error {
	l.taking.Lock()
	defer l.taking.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.trim(); l.end-l.received.Load()+int64(len(whole)) > l.window; l.trim() {
		l.flush() // or the client could not make room
		l.mu.Unlock()
		select {
		case <-l.room:
		case <-l.ctx.Done():
		}
		l.mu.Lock()
		if l.ctx.Err() != nil {
			break
		}
	}
	if l.ctx.Err() != nil {
		return context.Cause(l.ctx)
	}
	isAlone := l.sent == l.end
	l.add(whole)
	if isAlone && len(whole) < fullFrame || l.end-l.sent >= batch {
		l.flush()
	}
	return nil
}

// Idle writes what is held back: nothing more comes for now.
func (l *line) Idle() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
	return nil
}

// finish adds the last frame.
func (l *line) finish(result exec.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(exec.ExitFrame(result))
	l.isLast = true
	l.flush()
	close(l.last)
}

// have notes what the client says it has received.
func (l *line) have(position int64) error {
	for {
		had := l.received.Load()
		if position <= had {
			return nil
		}
		l.mu.Lock()
		end := l.end
		l.mu.Unlock()
		if position > end {
			return ErrAhead
		}
		if l.received.CompareAndSwap(had, position) {
			break
		}
	}
	select {
	case l.room <- struct{}{}:
	default:
	}
	return nil
}

// connect goes on from a position on another connection.
func (l *line) connect(to Carrier, from int64) error {
	if err := l.have(from); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if from < l.received.Load() {
		return errGone
	}
	l.to, l.sent = to, from
	l.flush()
	return nil
}

// disconnect forgets a connection that carries nothing any more.
func (l *line) disconnect(from Carrier) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to == from {
		l.to = nil
	}
}

// isThrough tells whether all there ever was has been written to a connection.
func (l *line) isThrough(to Carrier) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to == to && l.isLast && l.sent == l.end
}

// kept is how many bytes of memory it has.
func (l *line) kept() (size int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trim()
	for _, c := range l.chunks {
		size += cap(c.data)
	}
	return size
}

// What follows runs under the lock.

func (l *line) add(whole []byte) {
	newest := len(l.chunks) - 1
	if newest < 0 || cap(l.chunks[newest].data)-len(l.chunks[newest].data) < len(whole) {
		l.chunks = append(l.chunks, chunk{l.end, l.allocate(len(whole))})
		newest++
	}
	l.chunks[newest].data = append(l.chunks[newest].data, whole...)
	l.end += int64(len(whole))
}

func (l *line) allocate(least int) []byte {
	l.chunkSize = min(batch, max(least, firstChunk, chunkGrowth*l.chunkSize))
	if l.chunkSize == batch {
		return chunks.Get().(*[batch]byte)[:0]
	}
	return make([]byte, 0, l.chunkSize)
}

// trim lets go of what the client has and what was written, as far as it fills chunks.
func (l *line) trim() {
	had := min(l.received.Load(), l.sent)
	for len(l.chunks) > 0 {
		oldest := l.chunks[0]
		if oldest.from+int64(len(oldest.data)) > had {
			return
		}
		if cap(oldest.data) == batch {
			chunks.Put((*[batch]byte)(oldest.data[:batch]))
		}
		l.chunks[0].data = nil
		l.chunks = l.chunks[1:]
	}
}

// flush writes what was not. A connection that takes it no longer is given up; its end is noticed elsewhere.
func (l *line) flush() {
	for _, c := range l.chunks {
		after := c.from + int64(len(c.data))
		if l.to == nil || after <= l.sent {
			continue
		}
		if err := l.to.Write(c.data[l.sent-c.from:], l.isLast && after == l.end); err != nil {
			l.to = nil
			return
		}
		l.sent = after
	}
}
