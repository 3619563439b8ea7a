package run

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"bandsox.dev/agent/internal/clientid"
	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/reap"
)

const (
	// Grace is how long a command waits for its client.
	Grace = 30 * time.Second
	// Ended commands whose clients may have missed how they ended, and what is kept of all their output, in bytes.
	endedLimit = 256
	endedBytes = 4 << 20
	// Ids of commands that were started, or are never to be, are known for longer than a client comes back with them.
	idsKept, idsLimit = time.Minute, 4096
)

var (
	// ErrUnknown is a command there is not, or not any more.
	ErrUnknown = errors.New("there is no such command")
	// ErrNeverStarted is a command that there was not and, after it was ended, that there will not be.
	ErrNeverStarted = errors.New("no command of this id was started, and none will be")
	// ErrExists is a second start of one command.
	ErrExists = errors.New("a command of this id was started before")
	// ErrInvalidID is an id that no command can have.
	ErrInvalidID = errors.New("a command's id is 1 to 64 of A-Z a-z 0-9 _ -")
)

// Registry is the commands of a machine whose clients may come back.
type Registry struct {
	reaper *reap.Reaper
	grace  time.Duration

	mu    sync.Mutex
	runs  map[string]*Run
	ended []*Run // oldest first
	size  int    // of all that the ended have kept, in bytes
	// started is ids of commands there were, and unwanted those that were ended before there was such a command
	started, unwanted *ids
}

// NewRegistry has none.
func NewRegistry(reaper *reap.Reaper, grace time.Duration) *Registry {
	return &Registry{
		reaper: reaper, grace: grace, runs: map[string]*Run{},
		started: newIDs(idsLimit, idsKept), unwanted: newIDs(idsLimit, idsKept),
	}
}

// Start starts a command; it is never started twice. onEnd is called when it has ended.
func (g *Registry) Start(id string, command exec.Command, defaults exec.Defaults, onEnd func()) (*Run, error) {
	r, err := g.reserve(id)
	if err != nil {
		return nil, err
	}
	process, err := exec.Start(command, defaults, g.reaper)
	if err != nil {
		r.failure = err
		g.forget(r)
		close(r.ready)
		return nil, err
	}
	g.mu.Lock()
	g.started.add(id, time.Now())
	g.mu.Unlock()
	r.onEnd = onEnd
	r.begin(process)
	close(r.ready)
	return r, nil
}

func (g *Registry) reserve(id string) (*Run, error) {
	if !clientid.Valid(id) {
		return nil, ErrInvalidID
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.unwanted.has(id) {
		return nil, fmt.Errorf("%w: %s", ErrUnwanted, id)
	}
	if g.runs[id] != nil || g.started.has(id) {
		return nil, fmt.Errorf("%w: %s", ErrExists, id)
	}
	r := newRun(id, g, len(g.runs)-len(g.ended))
	g.runs[id] = r
	return r, nil
}

// Get finds a command; ErrUnknown.
func (g *Registry) Get(id string) (*Run, error) {
	g.mu.Lock()
	r := g.runs[id]
	g.mu.Unlock()
	if r == nil {
		return nil, ErrUnknown
	}
	if <-r.ready; r.failure != nil {
		return nil, ErrUnknown
	}
	return r, nil
}

// End kills a command whose client wants nothing more of it, and forgets it; ErrUnknown when it is forgotten already.
// One that is still on its way is not started when it comes: ErrNeverStarted.
func (g *Registry) End(id string) error {
	if !clientid.Valid(id) {
		return ErrUnknown
	}
	for {
		r, err := g.find(id)
		if r == nil {
			return err
		}
		if <-r.ready; r.failure == nil {
			g.end(r)
			return nil
		}
		// It could not be started and is forgotten: as if it had never come.
	}
}

// find finds a command that is to be ended, or sees to it that there will be none.
func (g *Registry) find(id string) (*Run, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := g.runs[id]; r != nil {
		return r, nil
	}
	now := time.Now()
	if g.started.has(id) || !g.started.isComplete(now) || g.unwanted.isFull(now) {
		return nil, ErrUnknown
	}
	g.unwanted.add(id, now)
	return nil, ErrNeverStarted
}

// EndAll is for a machine that has become another: the clients of its commands stayed with the one it was.
func (g *Registry) EndAll() {
	g.mu.Lock()
	all := make([]*Run, 0, len(g.runs))
	for _, r := range g.runs {
		all = append(all, r)
	}
	g.mu.Unlock()
	for _, r := range all {
		if <-r.ready; r.failure == nil {
			g.end(r)
		}
	}
}

func (g *Registry) end(r *Run) {
	g.forget(r)
	r.end()
}

func (g *Registry) forget(r *Run) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.runs[r.id] == r {
		delete(g.runs, r.id)
	}
	if place := slices.Index(g.ended, r); place >= 0 {
		g.drop(place)
	}
}

// retire keeps what a command has ended with, until its client can be taken to have it, or others need the room.
func (g *Registry) retire(r *Run) {
	r.onEnd()
	r.kept = r.line.kept()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.runs[r.id] != r {
		return // ended because nobody wanted it
	}
	g.ended = append(g.ended, r)
	g.size += r.kept
	for g.size > endedBytes || len(g.ended) > endedLimit {
		delete(g.runs, g.ended[0].id)
		g.drop(0)
	}
}

// drop runs under the lock. A client that is still connected goes on reading.
func (g *Registry) drop(place int) {
	g.size -= g.ended[place].kept
	g.ended = slices.Delete(g.ended, place, place+1)
}
