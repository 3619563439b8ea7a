package channel

import (
	"sync"
	"time"
)

// outgoing sees to it that the peer gets frames whole. A peer that is left in the middle of one takes whatever comes next
// for the rest of it, and hands it to who reads that stream.
type outgoing struct {
	mu        sync.Mutex
	held      chan struct{} // closed when frames may begin again; nil: they may
	isWriting bool
	torn      []byte // of a frame that a session was in when it was closed, or what else is to go first
}

// begin waits while frames are held; false when done comes first.
func (o *outgoing) begin(done <-chan struct{}) bool {
	for {
		o.mu.Lock()
		held := o.held
		o.isWriting = held == nil
		o.mu.Unlock()
		if held == nil {
			return true
		}
		select {
		case <-held:
		case <-done:
			return false
		}
	}
}

func (o *outgoing) end(torn []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.isWriting, o.torn = false, torn
}

func (o *outgoing) writes() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.isWriting
}

// takenCheck is how often a socket is asked what its peer has taken: there is no event for that.
const takenCheck = time.Millisecond

// Hold lets no frame and no handshake begin until Release, and waits for the peer to take those that have, for at most limit. It tells
// whether the peer has them all: it can then be saved, and what goes on from the save is not in the middle of a frame.
func (l *Link) Hold(limit time.Duration) bool {
	l.outgoing.mu.Lock()
	if l.outgoing.held == nil {
		l.outgoing.held = make(chan struct{})
	}
	l.outgoing.mu.Unlock()
	for end := time.Now().Add(limit); l.outgoing.writes() || Unsent(l.transport) > 0; time.Sleep(takenCheck) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// Release lets frames begin again.
func (l *Link) Release() {
	l.outgoing.mu.Lock()
	defer l.outgoing.mu.Unlock()
	if l.outgoing.held != nil {
		close(l.outgoing.held)
		l.outgoing.held = nil
	}
}

// writeRest writes what is to go before anything else, as far as the peer takes it. It runs between begin and end, which is
// given what it returns.
func (l *Link) writeRest() (rest []byte, err error) {
	rest = l.outgoing.torn
	if len(rest) == 0 {
		return nil, nil
	}
	n, err := l.transport.Write(rest)
	return rest[n:], err
}
