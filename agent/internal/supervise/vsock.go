package supervise

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// bootAttempt is how long one connection to a guest that boots may take: its kernel answers before its agent listens,
	// and what was asked before that is lost.
	bootAttempt = time.Second
	// Attempts during a boot are this far apart: there is no event that tells of a guest that listens.
	attemptPauseMin = time.Millisecond
	attemptPauseMax = 20 * time.Millisecond
)

// vsockGuest watches over the way to a guest through vsock, and has the serial line take its place when it is dead.
type vsockGuest struct {
	relay    *relay
	line     *serialSide
	patience time.Duration
	ready    time.Duration // the patience with the first connection
	record   func(transport Transport, reason string) error
	running  sync.WaitGroup
	mu       sync.Mutex
}

func watchVsock(config Config, relay *relay, line *serialSide, record func(Transport, string) error) *vsockGuest {
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	return &vsockGuest{relay: relay, line: line, record: record, patience: ms(config.Firecracker.VsockPatienceMs),
		ready: ms(config.Firecracker.ReadyPatienceMs)}
}

// serve waits for the guest to answer for the first time.
func (v *vsockGuest) serve() { v.running.Go(v.awaitBoot) }

func (v *vsockGuest) awaitBoot() {
	route := v.relay.vsock
	ctx, cancel := context.WithTimeout(route.ctx, v.ready)
	defer cancel()
	pause := attemptPauseMin
	for ctx.Err() == nil {
		if route.probe(ctx, bootAttempt) == nil {
			v.relay.ready.Do(v.relay.onReady)
			return
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, attemptPauseMax)
		case <-ctx.Done():
		}
	}
	v.fallBack("it did not answer when the guest came up")
}

// prove makes a new connection, the only evidence there is, and falls back to the serial line where it does not come
// about. It returns what is to be told.
func (v *vsockGuest) prove() (warning string) {
	route := v.relay.vsock
	if err := route.probe(route.ctx, v.patience); err != nil {
		return v.fallBack(err.Error())
	}
	return ""
}

func (v *vsockGuest) fallBack(why string) (warning string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.relay.vsock.isAlive() {
		return "" // fallen back before, or the VMM has ended
	}
	warning = fmt.Sprintf("vsock is dead (%s): the serial line carries the guest's channel now, slowly", why)
	if err := v.record(Serial, why); err != nil {
		warning += fmt.Sprintf("; not recorded: %v", err)
	}
	v.relay.useSerial(v.line)
	v.relay.vsock.close()
	return warning
}

func (v *vsockGuest) close() {
	v.relay.close()
	v.running.Wait()
}
