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
	torn      []byte // of a frame that a session was in when it was closed
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

// Hold lets no frame begin until Release, and waits for the peer to take those that have, for at most limit. It tells
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

// finishFrame writes what is left of the frame that the last session was in.
func (l *Link) finishFrame() error {
	l.outgoing.mu.Lock()
	torn := l.outgoing.torn
	l.outgoing.mu.Unlock()
	if len(torn) == 0 {
		return nil
	}
	n, err := l.transport.Write(torn)
	l.outgoing.end(torn[n:])
	return err
}
