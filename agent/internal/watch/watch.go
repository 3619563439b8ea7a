// Package watch tells what happens to the files below a path, and keeps it for those who read later (PROTOCOL.md §7).
package watch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"bandsox.dev/agent/internal/fileerr"
	"bandsox.dev/agent/internal/files"
	"bandsox.dev/agent/internal/glob"
)

const (
	// watchLimit is how many watches there are at a time.
	watchLimit = 64
	// unreadFor is how long a watch lives that nobody reads.
	unreadFor = 10 * time.Minute
)

var (
	// ErrBusy refuses a watch beyond the limit.
	ErrBusy = errors.New("64 paths are watched already")
	// ErrUnknown is for an id that is not, or no longer, a watch's.
	ErrUnknown = errors.New("no such watch")
	// ErrAhead is for a cursor that no event has had.
	ErrAhead = errors.New("the cursor is ahead of the newest event")
)

// Watches are those of the machine.
type Watches struct {
	unread time.Duration
	limit  int
	mu     sync.Mutex
	byID   map[string]*Watch
}

// New has no watches.
func New() *Watches {
	return &Watches{unread: unreadFor, limit: watchLimit, byID: map[string]*Watch{}}
}

// Watch is one path that is watched.
type Watch struct {
	ID      string
	ring    ring
	inotify *inotify
	readers int         // guarded by Watches.mu
	expiry  *time.Timer // runs while there are no readers
}

// Start watches a directory, with recursive also all below but what exclude matches, on the same mount; or a file, by its
// name once links are followed, so that it may be replaced. Everything that happens once Start has returned is told.
func (w *Watches) Start(name string, recursive bool, exclude glob.List) (*Watch, error) {
	entry, err := files.Stat(name, true)
	if err != nil {
		return nil, err
	}
	root, only := entry.Path, ""
	if entry.Type != "directory" {
		real, err := filepath.EvalSymlinks(entry.Path)
		if err != nil {
			return nil, fileerr.Of("watch", entry.Path, err)
		}
		root, only, recursive = filepath.Dir(real), filepath.Base(real), false
	}
	queue, err := openInotify()
	if err != nil {
		return nil, fileerr.Of("watch", entry.Path, err)
	}
	one := &Watch{ID: newID(), inotify: queue, ring: ring{limit: eventLimit}}
	if !w.register(one) {
		queue.close()
		return nil, ErrBusy
	}
	places := newDirectories(queue, root, recursive, exclude)
	if err := places.scan("", func(string, bool) {}); err != nil {
		w.End(one.ID)
		return nil, fileerr.Of("watch", entry.Path, err)
	}
	go one.run(&translator{directories: places, only: only, emit: one.ring.add})
	return one, nil
}

func newID() string {
	var id [8]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

func (w *Watches) register(one *Watch) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.byID) >= w.limit {
		return false
	}
	w.byID[one.ID] = one
	one.expiry = time.AfterFunc(w.unread, func() { w.expire(one) })
	return true
}

// run translates until the queue is closed.
func (o *Watch) run(t *translator) {
	defer o.ring.end()
	for {
		notices, err := o.inotify.batch(func() { clear(t.scanned) })
		if err != nil {
			return
		}
		t.take(notices)
	}
}

// expire ends a watch unless somebody reads it.
func (w *Watches) expire(one *Watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if one.readers == 0 {
		w.end(one)
	}
}

// End ends a watch and all who read it.
func (w *Watches) End(id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.byID[id]
	if one == nil {
		return ErrUnknown
	}
	w.end(one)
	return nil
}

// end is End under the lock.
func (w *Watches) end(one *Watch) {
	delete(w.byID, one.ID)
	one.expiry.Stop()
	one.inotify.close()
	one.ring.end()
}

// Reader reads a watch from a cursor on.
type Reader struct {
	watches *Watches
	watch   *Watch
	cursor  int64
	batch   []Event
}

// batchSize is how many events are handed over at a time.
const batchSize = 256

// Read begins after the given cursor, 0 for the beginning. Close must be called.
func (w *Watches) Read(id string, after int64) (*Reader, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.byID[id]
	if one == nil {
		return nil, ErrUnknown
	}
	one.ring.mu.Lock()
	defer one.ring.mu.Unlock()
	if after > one.ring.last {
		return nil, ErrAhead
	}
	one.readers++
	one.expiry.Stop()
	return &Reader{watches: w, watch: one, cursor: after, batch: make([]Event, batchSize)}, nil
}

// Next waits for events and returns them, valid until the next call; none when the watch has ended.
func (r *Reader) Next(ctx context.Context) ([]Event, error) {
	for {
		events, more, ended := r.watch.ring.after(r.cursor, r.batch)
		if len(events) > 0 {
			r.cursor = events[len(events)-1].Cursor
			return events, nil
		}
		if ended {
			return nil, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close lets the watch expire when this was its last reader.
func (r *Reader) Close() {
	r.watches.mu.Lock()
	defer r.watches.mu.Unlock()
	r.watch.readers--
	if r.watch.readers == 0 && r.watches.byID[r.watch.ID] == r.watch {
		r.watch.expiry.Reset(r.watches.unread)
	}
}
