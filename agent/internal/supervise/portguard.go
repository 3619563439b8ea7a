package supervise

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"bandsox.dev/agent/internal/channel"
	"bandsox.dev/agent/internal/qmp"
)

const (
	// portID names the channel's port to QEMU.
	portID = "agent"
	// closedPatience is long enough for a guest that is about to turn its machine off.
	closedPatience = 2 * time.Second
)

// portGuard has the serial line take the place of a virtio-serial port that the guest does not open. One that is open is
// not given up: whoever is behind it serves the line as well, and has only to be waited for.
type portGuard struct {
	line    *serialSide
	ready   time.Duration // how long a guest that comes up may take to answer
	closing time.Duration // how long one that has closed the port may take to open it again
	// standing tells whether the guest stands still, and so cannot answer
	standing func() bool
	// record writes down that the line carries the channel now, and why
	record func(reason string)
	// breakOff ends the session there is
	breakOff func()

	answered, closed, dead atomic.Bool
	changed                chan struct{} // a token when the guest has opened or closed the port, stopped or gone on
}

func newPortGuard(config FallbackConfig, line *serialSide) *portGuard {
	return &portGuard{line: line, ready: time.Duration(config.ReadyPatienceMs) * time.Millisecond,
		closing: closedPatience, changed: make(chan struct{}, 1)}
}

func (g *portGuard) isDead() bool { return g != nil && g.dead.Load() }

// isClosed tells that a session on the port is over.
func (g *portGuard) isClosed() bool { return g != nil && g.closed.Load() && !g.dead.Load() }

// close ends the line; what is printed on it is still kept.
func (g *portGuard) close() {
	if g != nil {
		g.line.Close()
	}
}

// onEvent hears of the port, and of what stops the guest. A session on a port that the guest has closed is over, which
// nothing else tells.
func (g *portGuard) onEvent(event qmp.Event) {
	switch event.Name {
	case "STOP", "RESUME":
		g.wake()
	case "VSERPORT_CHANGE":
		var change struct {
			ID   string `json:"id"`
			Open bool   `json:"open"`
		}
		if json.Unmarshal(event.Data, &change) != nil || change.ID != portID || g.dead.Load() {
			return
		}
		g.closed.Store(!change.Open)
		g.wake()
		if !change.Open {
			g.breakOff()
		}
	}
}

func (g *portGuard) wake() {
	select {
	case g.changed <- struct{}{}:
	default:
	}
}

// guarded is the request that begins a session, given up with the connection when the guest does not answer in time.
func (g *portGuard) guarded(conn channel.Transport, request func() error) func() error {
	closer, ok := conn.(io.Closer)
	if g == nil || !ok {
		return request
	}
	return func() error {
		answered := make(chan struct{})
		var watching sync.WaitGroup
		watching.Go(func() {
			if reason := g.awaitAnswer(answered); reason != "" {
				g.dead.Store(true)
				g.record(reason)
				closer.Close()
			}
		})
		err := request()
		close(answered)
		watching.Wait()
		g.answered.Store(g.answered.Load() || err == nil)
		return err
	}
}

// awaitAnswer returns why no answer is waited for any longer, "" when there was one. A guest that stands still has time.
func (g *portGuard) awaitAnswer(answered <-chan struct{}) (reason string) {
	for {
		var late <-chan time.Time
		patience := g.patience()
		if patience > 0 {
			late = time.After(patience)
		}
		select {
		case <-answered:
			return ""
		case <-g.changed: // the patience is another now, or begins anew
		case <-late:
			if !g.standing() {
				return fmt.Sprintf("no answer within %d ms", patience.Milliseconds())
			}
		}
	}
}

// patience is how long an answer is waited for, as things stand; 0 is without end.
func (g *portGuard) patience() time.Duration {
	switch {
	case g.answered.Load() && g.closed.Load():
		return g.closing
	case g.answered.Load():
		return 0
	}
	return g.ready
}
