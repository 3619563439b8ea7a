// Package run keeps commands for as long as their clients want to know of them: one whose client's connection breaks
// goes on, waits for the client to come back, and loses nothing either way (PROTOCOL.md §5).
package run

import (
	"context"
	"errors"
	"sync"
	"time"

	"bandsox.dev/agent/internal/duplex"
	"bandsox.dev/agent/internal/exec"
)

// Carrier is a connection to the client of a command.
type Carrier interface {
	// Begin has what the client sends taken in.
	Begin()
	// Write sends whole frames; last is after which there are no more.
	Write(frames []byte, last bool) error
	// Gone is closed when the connection is of no more use.
	Gone() <-chan struct{}
	// Cut ends the connection: a write under way fails, and after it nothing is taken in.
	Cut()
}

// ErrUnwanted is why a command was ended that nobody waits for.
var ErrUnwanted = errors.New("the client has left")

var errReplaced = errors.New("another connection has taken its place")

// Run is one command and the way to its client.
type Run struct {
	id       string
	registry *Registry
	ready    chan struct{} // closed when it was started, or was not
	failure  error
	process  *exec.Process
	input    *duplex.Input
	line     line
	cancel   context.CancelCauseFunc
	onEnd    func()
	kept     int // bytes, once it has ended

	mu      sync.Mutex
	carrier *held       // nil: none
	met     bool        // whether it ever had one
	patient *time.Timer // while it has none
}

// held is a carrier, and when it is one no longer.
type held struct {
	Carrier
	replaced chan struct{}
	failed   chan struct{} // closed when it has not taken something; it is not asked again
}

// Write is called no more after it has failed.
func (h *held) Write(frames []byte, last bool) error {
	err := h.Carrier.Write(frames, last)
	if err != nil {
		close(h.failed)
	}
	return err
}

// newRun is one of several that live.
func newRun(id string, registry *Registry, others int) *Run {
	window := int64(min(windowMax, max(windowMin, windows/(others+1))))
	ctx, cancel := context.WithCancelCause(context.Background())
	r := &Run{id: id, registry: registry, ready: make(chan struct{}), cancel: cancel,
		line: line{ctx: ctx, window: window, room: make(chan struct{}, 1), last: make(chan struct{})}}
	return r
}

// begin starts the command; whoever asked for it is to carry it soon.
func (r *Run) begin(process *exec.Process) {
	r.process = process
	r.input = duplex.NewInput(process)
	r.await()
	go r.follow()
}

// follow returns when the command has ended.
func (r *Run) follow() {
	reading, stop := context.WithCancel(r.line.ctx)
	go r.input.Feed(reading)
	result, err := r.process.Deliver(r.line.ctx, &r.line)
	r.input.Drop()
	stop()
	if err == nil {
		r.line.finish(result)
	} else {
		r.cancel(err)
	}
	r.registry.retire(r)
}

// Input is what clients send the command.
func (r *Run) Input() *duplex.Input { return r.input }

// Window is how many bytes a client may have been sent and not said it has; beyond them the command waits.
func (r *Run) Window() int64 { return r.line.window }

// Meet makes a connection the command's first, unless its client has come back on another already.
func (r *Run) Meet(c Carrier) error {
	r.mu.Lock()
	if r.met {
		r.mu.Unlock()
		return errReplaced
	}
	carrier := r.hold(c)
	r.mu.Unlock()
	return r.carry(carrier, 0)
}

// Release ends the connection there is, so that what has come of the command's stdin is known.
func (r *Run) Release() {
	r.mu.Lock()
	old := r.carrier
	r.met = true
	r.mu.Unlock()
	if old != nil {
		old.Cut()
		r.leave(old)
	}
}

// Carry brings the client what comes after a position on another connection. It returns nil when the last frame is
// written, else why that did not come about.
func (r *Run) Carry(c Carrier, from int64) error {
	r.Release()
	r.mu.Lock()
	carrier := r.hold(c)
	r.mu.Unlock()
	return r.carry(carrier, from)
}

// hold runs under the lock.
func (r *Run) hold(c Carrier) *held {
	if r.carrier != nil {
		close(r.carrier.replaced)
	}
	r.carrier, r.met = &held{c, make(chan struct{}), make(chan struct{})}, true
	if r.patient != nil {
		r.patient.Stop()
	}
	return r.carrier
}

func (r *Run) carry(c *held, from int64) error {
	c.Begin()
	err := r.bring(c, from)
	if err != nil {
		c.Cut() // the client goes on after what has come by then: nothing more may come of this connection
	}
	r.leave(c)
	return err
}

// bring returns when a connection has brought the client all there is, or can bring no more.
func (r *Run) bring(c *held, from int64) error {
	if err := r.line.connect(c, from); err != nil {
		return err
	}
	err := errReplaced
	select {
	case <-r.line.last:
	case <-r.line.ctx.Done():
		err = context.Cause(r.line.ctx)
	case <-c.Gone():
		err = ErrUnwanted
	case <-c.failed:
		err = ErrUnwanted
	case <-c.replaced:
	}
	if r.line.isThrough(c) { // whatever happened after it
		return nil
	}
	return err
}

// leave lets go of a connection, and gives the client some time to come on another.
func (r *Run) leave(c *held) {
	r.mu.Lock()
	if r.carrier == c {
		r.carrier = nil
		close(c.replaced)
		r.await()
	}
	r.mu.Unlock()
	r.line.disconnect(c)
}

// await runs under the lock, or before anybody knows of the command.
func (r *Run) await() {
	if r.patient == nil {
		r.patient = time.AfterFunc(r.registry.grace, func() { r.registry.end(r) })
		return
	}
	r.patient.Reset(r.registry.grace)
}

// Have notes up to which position the client has the frames.
func (r *Run) Have(position int64) error { return r.line.have(position) }

// end kills the command if it lives, whatever it waits for.
func (r *Run) end() {
	r.cancel(ErrUnwanted)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.patient != nil {
		r.patient.Stop()
	}
	if r.carrier != nil {
		go r.carrier.Cut() // it may wait for what is being written
	}
}
