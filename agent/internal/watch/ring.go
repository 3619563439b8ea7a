package watch

import "sync"

// Bounds of what a watch keeps for those who read later.
const (
	eventLimit = 65536
	pathLimit  = 4 << 20 // bytes of all kept events' paths
)

// Event is something that happened to a file.
type Event struct {
	Cursor    int64  `json:"cursor"` // counts up by one; the first event has 1
	Type      string `json:"type"`
	Path      string `json:"path,omitempty"`
	From      string `json:"from,omitempty"` // of `renamed`: the path before
	Directory bool   `json:"directory,omitempty"`
}

// The types of events. Overflow says that events before it are lost.
const (
	Created    = "created"
	Modified   = "modified"
	Removed    = "removed"
	Renamed    = "renamed"
	Attributes = "attributes"
	Overflow   = "overflow"
)

func (e *Event) size() int { return len(e.Path) + len(e.From) }

// ring keeps the newest events.
type ring struct {
	mu      sync.Mutex
	events  []Event       // grows up to limit, then goes round
	first   int           // index of the oldest kept event
	count   int           // how many are kept
	bytes   int           // of their paths
	last    int64         // cursor of the newest event there ever was
	read    int64         // the newest cursor anybody has been given
	changed chan struct{} // closed when there is more; nil when nobody waits
	limit   int
	ended   bool
}

// add appends an event. One that says the same as the newest, which nobody has seen yet, is not needed.
func (r *ring) add(event Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count > 0 && r.read < r.last {
		newest := *r.at(r.count - 1)
		newest.Cursor = 0
		if newest == event {
			return
		}
	}
	r.last++
	event.Cursor = r.last
	for r.count > 0 && (r.count == r.limit || r.bytes+event.size() > pathLimit) {
		r.drop()
	}
	if r.count == len(r.events) {
		r.grow()
	}
	r.count++
	*r.at(r.count - 1) = event
	r.bytes += event.size()
	r.wake()
}

func (r *ring) at(i int) *Event { return &r.events[(r.first+i)%len(r.events)] }

func (r *ring) drop() {
	oldest := r.at(0)
	r.bytes -= oldest.size()
	*oldest = Event{}
	r.first = (r.first + 1) % len(r.events)
	r.count--
}

func (r *ring) grow() {
	larger := make([]Event, min(max(64, 2*len(r.events)), r.limit))
	for i := range r.count {
		larger[i] = *r.at(i)
	}
	r.events, r.first = larger, 0
}

func (r *ring) wake() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// end wakes everybody for the last time.
func (r *ring) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.wake()
}

// after fills into with the events above a cursor. If some of them are not kept any more an overflow stands for them.
// When there are none yet, more is closed once there are; ended says that there never will be.
func (r *ring) after(cursor int64, into []Event) (events []Event, more <-chan struct{}, ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events = into[:0]
	oldest := r.last - int64(r.count) + 1
	if cursor < oldest-1 {
		cursor = oldest - 1
		events = append(events, Event{Cursor: cursor, Type: Overflow})
	}
	for cursor < r.last && len(events) < cap(into) {
		cursor++
		events = append(events, *r.at(int(cursor - oldest)))
	}
	r.read = max(r.read, cursor)
	if len(events) > 0 {
		return events, nil, false
	}
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return nil, r.changed, r.ended
}
