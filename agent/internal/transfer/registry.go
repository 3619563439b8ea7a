// Package transfer has archives pass over several connections, one after the other: one that breaks takes nothing with it
// but what was on its way (PROTOCOL.md §7.1).
package transfer

import (
	"errors"
	"sync"
	"time"
)

const (
	// Keep is how long an archive waits for its client, and its end for who missed it.
	Keep = 2 * time.Minute
	// Limit is how many there are; the one that has waited for longest makes room.
	Limit = 128
)

var (
	// ErrUnknown is an archive of which nothing is known, or not any more.
	ErrUnknown = errors.New("nothing is known of this archive")
	// ErrOffset is an archive that is to go on from where it cannot.
	ErrOffset = errors.New("the archive cannot go on from there")
	// errGivenUp is what ends an archive whose client did not come back.
	errGivenUp = errors.New("its client did not come back")
)

// Registry is the archives that have a name.
type Registry struct {
	keep  time.Duration
	limit int

	mu    sync.Mutex // of the registry and all that is in it
	known map[string]archive
}

// archive is one of them, whichever way it goes.
type archive interface{ line() *line }

// NewRegistry has none.
func NewRegistry(keep time.Duration, limit int) *Registry {
	return &Registry{keep: keep, limit: limit, known: map[string]archive{}}
}

// End gives an archive up, and returns when nothing of it is done any more; ErrUnknown.
func (g *Registry) End(name string) error {
	g.mu.Lock()
	found := g.known[name]
	if found == nil {
		g.mu.Unlock()
		return ErrUnknown
	}
	l := found.line()
	l.giveUp()
	g.mu.Unlock()
	<-l.ended
	return nil
}

// EndAll is for a machine that has become another: the clients of its archives stayed with the one it was.
func (g *Registry) EndAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range g.known {
		a.line().giveUp()
	}
}

// makeRoom runs under the lock. Those under way are fewer than the limit: each has a call of its own.
func (g *Registry) makeRoom() {
	if len(g.known) < g.limit {
		return
	}
	if oldest := g.longestWaiting(func(archive) bool { return true }); oldest != nil {
		oldest.line().giveUp()
	}
}

// longestWaiting runs under the lock; nil when none of those that are meant waits.
func (g *Registry) longestWaiting(isMeant func(archive) bool) (oldest archive) {
	for _, a := range g.known {
		if a.line().carrier == nil && isMeant(a) && (oldest == nil || a.line().since.Before(oldest.line().since)) {
			oldest = a
		}
	}
	return oldest
}
