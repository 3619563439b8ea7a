package session

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"bandsox.dev/agent/internal/clientid"
	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/reap"
)

// Sessions at a time: living ones, and ended ones that are remembered.
const (
	liveLimit  = 256
	endedLimit = 256
)

var (
	ErrUnknown = errors.New("there is no such session")
	ErrBusy    = fmt.Errorf("%d sessions are running already", liveLimit)
)

// InvalidError is a request that can never be met.
type InvalidError struct{ Reason string }

func (e *InvalidError) Error() string { return e.Reason }

// place is a session's in the registry, taken before it starts.
type place struct {
	ready   chan struct{} // closed when the start is over
	session *Session
	failure error
	ended   bool
}

// Registry is the sessions of a machine.
type Registry struct {
	reaper *reap.Reaper

	mu     sync.Mutex
	places map[string]*place
	order  []string // ids, oldest first
	live   int
	ended  int
}

// NewRegistry has no sessions.
func NewRegistry(reaper *reap.Reaper) *Registry {
	return &Registry{reaper: reaper, places: map[string]*place{}}
}

// Start starts a session; one with this id that exists is returned instead, and fresh is false. Failures that are the
// command's own are *exec.NotStartedError.
func (r *Registry) Start(id string, spec Spec, defaults exec.Defaults) (_ *Session, fresh bool, err error) {
	if err := check(id, spec); err != nil {
		return nil, false, err
	}
	p, fresh, err := r.reserve(id)
	if err != nil {
		return nil, false, err
	}
	if !fresh {
		<-p.ready
		return p.session, false, p.failure
	}
	process, err := exec.Start(spec.Command, defaults, r.reaper)
	if err == nil {
		p.session = newSession(id, spec, process)
	}
	p.failure = err
	close(p.ready)
	if err != nil {
		r.forget(id, p)
		return nil, false, err
	}
	go func() {
		p.session.run()
		r.retire(p)
	}()
	return p.session, true, nil
}

func check(id string, spec Spec) error {
	if !clientid.Valid(id) {
		return &InvalidError{"a session's id is 1 to 64 of A-Z a-z 0-9 _ -"}
	}
	if spec.JournalBytes != nil && (*spec.JournalBytes < minJournal || *spec.JournalBytes > maxJournal) {
		return &InvalidError{fmt.Sprintf("journalBytes is %d, it must be from %d to %d", *spec.JournalBytes, minJournal, maxJournal)}
	}
	return nil
}

func (r *Registry) reserve(id string) (_ *place, fresh bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.places[id]; p != nil {
		return p, false, nil
	}
	if r.live >= liveLimit {
		return nil, false, ErrBusy
	}
	p := &place{ready: make(chan struct{})}
	r.places[id] = p
	r.order = append(r.order, id)
	r.live++
	return p, true, nil
}

// retire makes room for the next and forgets the oldest ended session beyond what is remembered.
func (r *Registry) retire(p *place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live--
	if r.places[p.session.id] != p {
		return // deleted meanwhile
	}
	p.ended = true
	r.ended++
	if r.ended > endedLimit {
		oldest := slices.IndexFunc(r.order, func(id string) bool { return r.places[id].ended })
		r.remove(r.order[oldest])
	}
}

func (r *Registry) forget(id string, p *place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live--
	if r.places[id] == p {
		r.remove(id)
	}
}

// remove runs under the lock.
func (r *Registry) remove(id string) {
	if r.places[id].ended {
		r.ended--
	}
	delete(r.places, id)
	r.order = slices.DeleteFunc(r.order, func(other string) bool { return other == id })
}

// Get finds a session; ErrUnknown.
func (r *Registry) Get(id string) (*Session, error) {
	r.mu.Lock()
	p := r.places[id]
	r.mu.Unlock()
	if p == nil {
		return nil, ErrUnknown
	}
	<-p.ready
	if p.failure != nil {
		return nil, ErrUnknown
	}
	return p.session, nil
}

// List is all sessions, newest first; those being started are left out.
func (r *Registry) List() []*Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*Session, 0, len(r.order))
	for _, id := range slices.Backward(r.order) {
		p := r.places[id]
		select {
		case <-p.ready:
			if p.failure == nil {
				list = append(list, p.session)
			}
		default:
		}
	}
	return list
}

// Delete kills a session's command if it lives, and forgets the session; ErrUnknown.
func (r *Registry) Delete(id string) error {
	session, err := r.Get(id)
	if err != nil {
		return err
	}
	r.mu.Lock()
	if p := r.places[id]; p != nil && p.session == session {
		r.remove(id)
	}
	r.mu.Unlock()
	session.process.Kill()
	return nil
}
