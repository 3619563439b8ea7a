package supervise

import (
	"net"
	"sync"
	"time"
)

// cutPatience bounds how long those who use a connection may take to read what the guest has sent on it.
const cutPatience = time.Second

// vsockConns are the connections to a guest through vsock. A guest that is saved loses all it has, and neither it nor
// the VMM says so: they are ended here, or those who use them would wait for ever.
type vsockConns struct {
	mu         sync.Mutex
	generation int
	open       map[*vsockConn]bool
}

// vsockConn is a connection on which something may still come.
type vsockConn struct {
	*net.UnixConn
	done chan struct{} // closed when nothing more comes
}

// begin returns the generation that a connection made from now on is of.
func (c *vsockConns) begin() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation
}

// add takes in a connection that was made, or returns nil when the guest no longer knows it.
func (c *vsockConns) add(conn *net.UnixConn, generation int) *vsockConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.generation {
		return nil
	}
	if c.open == nil {
		c.open = map[*vsockConn]bool{}
	}
	added := &vsockConn{conn, make(chan struct{})}
	c.open[added] = true
	return added
}

// remove tells that nothing more comes on a connection.
func (c *vsockConns) remove(conn *vsockConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, conn)
	close(conn.done)
}

// forsake is called while the guest stands still, when it will have lost what connections it has. Those are ended by cut,
// each after what the guest has sent on it; it returns when their users have been told.
func (c *vsockConns) forsake() (cut func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	lost := c.open
	c.open = nil
	return func() {
		for conn := range lost {
			conn.CloseRead()
			conn.CloseWrite()
		}
		late := time.After(cutPatience)
		for conn := range lost {
			select {
			case <-conn.done:
			case <-late:
				return
			}
		}
	}
}
