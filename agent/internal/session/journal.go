package session

import (
	"sort"
	"sync"
)

// pieceSize is the most that one piece of the journal holds, and so the most that a viewer is handed at once.
const pieceSize = 32 << 10

// Offsets are positions in the streams, stdout first.
type Offsets [2]int64

// Kept is what a journal has of a stream: from the oldest byte to the one that comes next.
type Kept struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// piece is output that came in one go; only the newest of all pieces still grows.
type piece struct {
	turn int64 // pieces came in this order, both streams counted together
	from int64
	data []byte
}

func (p *piece) end() int64 { return p.from + int64(len(p.data)) }

// stream is the newest output of one stream.
type stream struct {
	pieces []piece
	to     int64
	size   int64 // of all pieces, in bytes
}

// journal keeps the newest bytes of both streams in the order they came. It never makes anybody wait.
type journal struct {
	limit int64 // bytes of a stream that are kept

	mu      sync.Mutex
	streams [2]stream
	turns   int64
	closed  bool
	changed chan struct{} // closed, and replaced, whenever something comes
}

func newJournal(limit int64) *journal {
	return &journal{limit: limit, changed: make(chan struct{})}
}

// add appends data to a stream. It is copied.
func (j *journal) add(which int, data []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := &j.streams[which]
	for len(data) > 0 {
		last := len(s.pieces) - 1
		if last < 0 || s.pieces[last].turn != j.turns || len(s.pieces[last].data) == pieceSize {
			j.turns++
			s.pieces = append(s.pieces, piece{turn: j.turns, from: s.to})
			last++
		}
		p := &s.pieces[last]
		n := min(pieceSize-len(p.data), len(data))
		p.data = append(p.data, data[:n]...)
		s.to, s.size, data = s.to+int64(n), s.size+int64(n), data[n:]
	}
	s.trim(j.limit)
	j.notify()
}

// trim forgets the oldest pieces that are not needed to keep limit bytes.
func (s *stream) trim(limit int64) {
	gone := 0
	for s.size-int64(len(s.pieces[gone].data)) >= limit {
		s.size -= int64(len(s.pieces[gone].data))
		s.pieces[gone].data = nil
		gone++
	}
	s.pieces = s.pieces[gone:]
	if most := int(limit/64) + 1024; len(s.pieces) > most {
		s.compact()
	}
}

// compact joins pieces of the older half, so that many small ones cannot cost many times their bytes. How they lay
// between those of the other stream is forgotten, no byte is.
func (s *stream) compact() {
	half := len(s.pieces) / 2
	joined := make([]piece, 0, len(s.pieces))
	for _, p := range s.pieces[:half] {
		last := len(joined) - 1
		if last < 0 || len(joined[last].data)+len(p.data) > pieceSize {
			joined = append(joined, piece{turn: p.turn, from: p.from, data: append([]byte(nil), p.data...)})
			continue
		}
		joined[last].data = append(joined[last].data, p.data...)
	}
	s.pieces = append(joined, s.pieces[half:]...)
}

// close says that nothing more comes.
func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	j.notify()
}

func (j *journal) notify() {
	close(j.changed)
	j.changed = make(chan struct{})
}

func (j *journal) kept() [2]Kept {
	j.mu.Lock()
	defer j.mu.Unlock()
	var kept [2]Kept
	for i := range kept {
		s := &j.streams[i]
		kept[i] = Kept{From: s.to - s.size, To: s.to}
	}
	return kept
}

// entry is the next thing a viewer is told: bytes of a stream, or, without data, that it misses some.
type entry struct {
	stream   int
	from, to int64
	data     []byte // not to be changed
}

// next returns what comes after at. Without an entry, more tells whether there may be one once changed is closed.
func (j *journal) next(at Offsets) (_ entry, found, more bool, changed <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	best := (*piece)(nil)
	which := 0
	for i := range j.streams {
		s := &j.streams[i]
		if from := s.to - s.size; at[i] < from {
			return entry{stream: i, from: at[i], to: from}, true, true, nil
		}
		index := sort.Search(len(s.pieces), func(n int) bool { return s.pieces[n].end() > at[i] })
		if index < len(s.pieces) && (best == nil || s.pieces[index].turn < best.turn) {
			best, which = &s.pieces[index], i
		}
	}
	if best == nil {
		return entry{}, false, !j.closed, j.changed
	}
	data := best.data[at[which]-best.from:]
	return entry{stream: which, from: at[which], to: best.end(), data: data[:len(data):len(data)]}, true, true, nil
}
