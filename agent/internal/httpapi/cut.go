package httpapi

import (
	"context"
	"sync"
	"time"
)

// longAgo is when a connection that is given up should have answered.
var longAgo = time.Unix(1, 0)

// cut gives a client up, from any goroutine, for as long as its request is answered: after that, what belongs to the request
// must not be touched any more.
type cut struct {
	mu     sync.Mutex
	setTo  func(deadline time.Time) error
	isOver bool
}

func newCut(setTo func(deadline time.Time) error) *cut { return &cut{setTo: setTo} }

// now interrupts reads or writes of the client that are under way, and fails those to come.
func (c *cut) now() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isOver {
		c.setTo(longAgo)
	}
}

// over is to be called before the request's handler returns.
func (c *cut) over() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isOver = true
}

// whenGone gives the client up when it leaves: a write to it must not wait. What it returns is to be called before the
// request's handler returns.
func (c *cut) whenGone(client context.Context) (over func()) {
	stop := context.AfterFunc(client, c.now)
	return func() {
		stop()
		c.over()
	}
}
