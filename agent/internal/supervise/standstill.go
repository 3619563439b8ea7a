package supervise

import (
	"sync"
	"time"

	"bandsox.dev/agent/internal/channel"
)

// holdPatience is how long a guest may take to read what is on its way to it; one that runs needs some milliseconds.
const holdPatience = 2 * time.Second

// holder lets nothing begin towards the guest while it stands still: what is saved then is in the middle of nothing, and
// nobody writes to its memory.
type holder struct {
	mu     sync.Mutex
	isHeld bool
	link   *channel.Link // nil: none
}

// use has a link held whenever the guest stands still, until the next one.
func (h *holder) use(link *channel.Link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.link = link
	if h.isHeld {
		link.Hold(0)
	}
}

// hold waits, within limit, for what has begun. It tells whether nothing was held before.
func (h *holder) hold(limit time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	isFirst := !h.isHeld
	h.isHeld = true
	if h.link != nil {
		h.link.Hold(limit)
	}
	return isFirst
}

func (h *holder) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.isHeld = false
	if h.link != nil {
		h.link.Release()
	}
}

// steady is a machine that stands still between messages, not within one.
type steady struct {
	machine
	channel *holder
	since   time.Time // when it was last made to stand still
}

func (s *steady) runs() bool {
	status, err := s.status()
	return err == nil && status == statusRunning
}

func (s *steady) pause() error {
	var limit time.Duration
	if s.runs() {
		limit = holdPatience
	}
	isFirst := s.channel.hold(limit)
	s.since = time.Now()
	err := s.machine.pause()
	if err != nil && isFirst {
		s.channel.release()
	}
	return err
}

func (s *steady) resume() (string, error) {
	warning, err := s.machine.resume()
	if err == nil || s.runs() {
		s.channel.release()
	}
	return warning, err
}
