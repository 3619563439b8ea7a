package layer

import (
	"io"
	"sync"
)

const (
	aheadChunk  = 256 << 10
	aheadChunks = 8
)

// ReadAhead reads a stream in the background, so that decompressing and hashing
// overlap with writing files. It holds at most 2.5 MiB.
type ReadAhead struct {
	filled  chan chunk
	empty   chan []byte
	stop    chan struct{}
	stopped sync.WaitGroup
	once    sync.Once

	current chunk
	rest    []byte
}

type chunk struct {
	buffer []byte
	n      int
	err    error
}

// NewReadAhead starts reading r. Stop it before r is used again.
func NewReadAhead(r io.Reader) *ReadAhead {
	ahead := &ReadAhead{
		filled: make(chan chunk, aheadChunks),
		empty:  make(chan []byte, aheadChunks),
		stop:   make(chan struct{}),
	}
	for range aheadChunks {
		ahead.empty <- make([]byte, aheadChunk)
	}
	ahead.stopped.Go(func() { ahead.fill(r) })
	return ahead
}

// fill reads until the stream ends, then closes filled.
func (a *ReadAhead) fill(r io.Reader) {
	defer close(a.filled)
	for {
		select {
		case <-a.stop:
			return
		case buffer := <-a.empty:
			n, err := r.Read(buffer)
			a.filled <- chunk{buffer, n, err} // never blocks: there are as many places as buffers
			if err != nil {
				return
			}
		}
	}
}

func (a *ReadAhead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.current.err != nil {
			return 0, a.current.err
		}
		if a.current.buffer != nil {
			a.empty <- a.current.buffer
			a.current.buffer = nil
		}
		next, ok := <-a.filled
		if !ok {
			return 0, io.ErrClosedPipe
		}
		a.current, a.rest = next, next.buffer[:next.n]
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// Stop ends the background reading and waits for it.
func (a *ReadAhead) Stop() {
	a.once.Do(func() { close(a.stop) })
	a.stopped.Wait()
}
