package run

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/reap"
)

const (
	// Grace is how long a command waits for its client.
	Grace = 30 * time.Second
	// Ended commands whose clients may have missed how they ended, and what is kept of all their output, in bytes.
	endedLimit = 256
	endedBytes = 4 << 20
	// Ids whose client has said that it wants nothing of them before they were started.
	unwantedLimit = 256
)

var (
	// ErrUnknown is a command there is not, or not any more.
	ErrUnknown = errors.New("there is no such command")
	// ErrExists is a second start of one command.
	ErrExists = errors.New("a command of this id was started before")
	// ErrInvalidID is an id that no command can have.
	ErrInvalidID = errors.New("a command's id is 1 to 64 of A-Z a-z 0-9 _ -")
)

var validID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Registry is the commands of a machine whose clients may come back.
type Registry struct {
	reaper *reap.Reaper
	grace  time.Duration

	mu    sync.Mutex
	runs  map[string]*Run
	ended []*Run // oldest first
	size  int    // of all that the ended have kept, in bytes
	// unwanted is ids that were ended before there was such a command, oldest first
	unwanted []string
}

// NewRegistry has none.
func NewRegistry(reaper *reap.Reaper, grace time.Duration) *Registry {
	return &Registry{reaper: reaper, grace: grace, runs: map[string]*Run{}}
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
	r.onEnd = onEnd
	r.begin(process)
	close(r.ready)
	return r, nil
}

func (g *Registry) reserve(id string) (*Run, error) {
	if !validID.MatchString(id) {
		return nil, ErrInvalidID
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if slices.Contains(g.unwanted, id) {
		return nil, fmt.Errorf("%w: %s", ErrUnwanted, id)
	}
	if g.runs[id] != nil {
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

// End kills a command whose client wants nothing more of it, and forgets it; ErrUnknown.
// One that is still on its way is not started when it comes.
func (g *Registry) End(id string) error {
	g.mu.Lock()
	if g.runs[id] == nil && validID.MatchString(id) {
		g.unwanted = append(g.unwanted, id)
		g.unwanted = g.unwanted[max(0, len(g.unwanted)-unwantedLimit):]
	}
	g.mu.Unlock()
	r, err := g.Get(id)
	if err == nil {
		g.end(r)
	}
	return err
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
