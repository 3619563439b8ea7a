package transfer

import (
	"fmt"
	"sync"
	"time"

	"bandsox.dev/agent/internal/dataframe"
)

// Carrier is a connection that an archive passes over.
type Carrier struct {
	from   int64 // where in the archive it begins
	cut    func()
	reader *dataframe.Reader // of one that comes
	writer *dataframe.Writer // for one that goes
	left   chan struct{}     // closed when nothing more passes over it
	why    error             // known when left is closed; nil: the archive is over
}

// leave says that nothing more passes.
func (c *Carrier) leave(why error) {
	c.why = why
	close(c.left)
}

// line is the connections of one archive. Its fields are guarded by the registry's lock. One goroutine works on the archive
// and alone lets go of a connection.
type line struct {
	registry *Registry
	name     string
	changed  *sync.Cond
	carrier  *Carrier // nil: none
	isOver   bool     // nobody is waited for any more
	patience *time.Timer
	since    time.Time     // without a connection
	onOver   func()        // called when nobody is waited for any more; nil: nothing
	ended    chan struct{} // closed when nothing works on the archive any more
}

// newLine runs under the lock.
func (g *Registry) newLine(name string) line {
	return line{registry: g, name: name, changed: sync.NewCond(&g.mu), since: time.Now(), ended: make(chan struct{})}
}

// begin runs under the lock, once the line has its place.
func (l *line) begin() {
	l.patience = time.AfterFunc(l.registry.keep, l.expire)
}

// attach runs under the lock, when there is no connection.
func (l *line) attach(c *Carrier) {
	l.patience.Stop()
	l.carrier = c
	l.changed.Broadcast()
}

// detach runs under the lock, and returns when there is no connection.
func (l *line) detach() {
	for l.carrier != nil {
		l.carrier.cut()
		l.changed.Wait()
	}
}

// let runs under the lock: nothing more passes over the connection there is.
func (l *line) let() {
	l.carrier, l.since = nil, time.Now()
	if !l.isOver {
		l.patience.Reset(l.registry.keep)
	}
	l.changed.Broadcast()
}

// await returns the connection there is, or the next one.
func (l *line) await() (*Carrier, error) {
	l.registry.mu.Lock()
	defer l.registry.mu.Unlock()
	for l.carrier == nil && !l.isOver {
		l.changed.Wait()
	}
	if l.isOver {
		return nil, fmt.Errorf("%w: %w", dataframe.ErrBroken, errGivenUp)
	}
	return l.carrier, nil
}

// giveUp runs under the lock.
func (l *line) giveUp() {
	if known := l.registry.known[l.name]; known != nil && known.line() == l {
		delete(l.registry.known, l.name)
	}
	l.isOver = true
	if l.onOver != nil {
		l.onOver()
	}
	if l.carrier != nil {
		l.carrier.cut()
	}
	l.patience.Stop()
	l.changed.Broadcast()
}

func (l *line) expire() {
	l.registry.mu.Lock()
	defer l.registry.mu.Unlock()
	if l.carrier == nil {
		l.giveUp()
	}
}
