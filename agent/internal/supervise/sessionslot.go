package supervise

import (
	"context"
	"sync"

	"github.com/hashicorp/yamux"
)

// sessionSlot holds the current session with the guest and lets connections wait for one.
type sessionSlot struct {
	mu      sync.Mutex
	session *yamux.Session
	waiting chan struct{} // closed when there is a session; nil while nobody waits
}

func (s *sessionSlot) set(session *yamux.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session = session
	if s.waiting != nil {
		close(s.waiting)
		s.waiting = nil
	}
}

func (s *sessionSlot) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session = nil
}

// current is nil while there is none.
func (s *sessionSlot) current() *yamux.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session
}

// wait returns the current session, or the next one when it has ended.
func (s *sessionSlot) wait(ctx context.Context) (*yamux.Session, error) {
	for {
		s.mu.Lock()
		session := s.session
		if session != nil && session.IsClosed() {
			session = nil
		}
		if session == nil && s.waiting == nil {
			s.waiting = make(chan struct{})
		}
		waiting := s.waiting
		s.mu.Unlock()
		if session != nil {
			return session, nil
		}
		select {
		case <-waiting:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
