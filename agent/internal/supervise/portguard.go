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

// portGuard has the serial line take the place of a virtio-serial port that the guest does not answer on.
type portGuard struct {
	line         *serialSide
	ready, later time.Duration
	closing      time.Duration // how long a guest that has closed the port may take to open it again
	// standing tells whether the guest stands still, and so cannot answer
	standing func() bool
	// record writes down that the line carries the channel now, and why
	record func(reason string)
	// breakOff ends the session there is
	breakOff func()

	answered, closed, dead atomic.Bool
	changed                chan struct{} // a token when the guest has opened or closed the port
}

func newPortGuard(config FallbackConfig, line *serialSide) *portGuard {
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	return &portGuard{line: line, ready: ms(config.ReadyPatienceMs), later: ms(config.PatienceMs),
		closing: closedPatience, changed: make(chan struct{}, 1)}
}

func (g *portGuard) isDead() bool { return g != nil && g.dead.Load() }

// close ends the line; what is printed on it is still kept.
func (g *portGuard) close() {
	if g != nil {
		g.line.Close()
	}
}

// onEvent hears of the port. A session on one that the guest has closed is over, which nothing else tells.
func (g *portGuard) onEvent(event qmp.Event) {
	var change struct {
		ID   string `json:"id"`
		Open bool   `json:"open"`
	}
	if event.Name != "VSERPORT_CHANGE" || json.Unmarshal(event.Data, &change) != nil || change.ID != portID {
		return
	}
	g.closed.Store(!change.Open)
	select {
	case g.changed <- struct{}{}:
	default:
	}
	if !change.Open && g.answered.Load() {
		g.breakOff()
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
		patience := g.patience()
		select {
		case <-answered:
			return ""
		case <-g.changed: // the patience is another now
		case <-time.After(patience):
			if !g.standing() {
				return fmt.Sprintf("no answer within %d ms", patience.Milliseconds())
			}
		}
	}
}

func (g *portGuard) patience() time.Duration {
	switch {
	case !g.answered.Load():
		return g.ready
	case g.closed.Load():
		return g.closing
	}
	return g.later
}
