package slotnet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// PublishedMax is how many connections come by published ports at the same time: by one of them, or by all that share
// slots, as those do that come through the guest's agent, where there have to be some left for its owner.
const PublishedMax = 256

const dialLimit = 10 * time.Second

// PortError says that a port of the host cannot be listened at.
type PortError struct {
	Address netip.AddrPort
	Err     error
}

func (e *PortError) Error() string { return fmt.Sprintf("publish a port: %v", e.Err) }

func (e *PortError) Unwrap() error { return e.Err }

// Port is a port of the host that leads to one of the guest's.
type Port struct {
	Listen netip.AddrPort `json:"listen"`
	Guest  netip.AddrPort `json:"guest"` // as whoever dials the guest reaches it
}

// Conn is a connection whose directions end by themselves.
type Conn interface {
	net.Conn
	CloseWrite() error
}

// Published is a port while it is open.
type Published struct {
	listener net.Listener
	guest    netip.AddrPort
	dial     func(netip.AddrPort) (Conn, error)
	slots    chan struct{}
	closing  chan struct{}
	mu       sync.Mutex
	ended    bool
	open     map[net.Conn]bool
	running  sync.WaitGroup
}

// Publish listens on a port of this thread's namespace, the host's, until it is closed; dial reaches the guest, and as
// many connections as slots has room for are open at once.
func Publish(port Port, dial func(netip.AddrPort) (Conn, error), slots chan struct{}) (*Published, error) {
	listener, err := net.Listen("tcp", port.Listen.String())
	if err != nil {
		return nil, &PortError{port.Listen, err}
	}
	p := &Published{listener: listener, guest: port.Guest, dial: dial, slots: slots, closing: make(chan struct{}), open: map[net.Conn]bool{}}
	p.running.Go(p.serve)
	return p, nil
}

// Port is what it listens at, with the port the kernel chose where any was good, and where it leads to.
func (p *Published) Port() Port {
	return Port{p.listener.Addr().(*net.TCPAddr).AddrPort(), p.guest}
}

// dialTCP dials by this thread's namespace.
func dialTCP(guest netip.AddrPort) (Conn, error) {
	conn, err := net.DialTimeout("tcp", guest.String(), dialLimit)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

func (p *Published) serve() {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(100 * time.Millisecond) // descriptors are used up
			continue
		}
		select {
		case p.slots <- struct{}{}:
		case <-p.closing: // those who hold the slots may have come by other ports, which stay open
			client.Close()
			return
		}
		p.running.Go(func() {
			defer func() { <-p.slots }()
			p.carry(client)
		})
	}
}

// carry carries bytes both ways until both ends are done, or either breaks.
func (p *Published) carry(client net.Conn) {
	defer client.Close()
	guest, err := p.dial(p.guest)
	if err != nil {
		client.(*net.TCPConn).SetLinger(0) // refused, and not ended
		return
	}
	defer guest.Close()
	if !p.keep(client, guest) {
		return
	}
	defer p.forget(client, guest)
	var both sync.WaitGroup
	near := client.(*net.TCPConn)
	both.Go(func() { pass(guest, near) })
	both.Go(func() { pass(near, guest) })
	both.Wait()
}

// pass copies until the end of what comes, and passes that on.
func pass(to, from Conn) {
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		from.Close()
		return
	}
	to.CloseWrite()
}

func (p *Published) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		p.open[conn] = true
	}
	return !p.ended
}

func (p *Published) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		delete(p.open, conn)
	}
}

// Close ends it and what came by it.
func (p *Published) Close() {
	close(p.closing)
	p.listener.Close()
	p.mu.Lock()
	p.ended = true
	for conn := range p.open {
		conn.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}
