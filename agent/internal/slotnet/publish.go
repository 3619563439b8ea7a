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

const (
	// Connections of one published port at the same time.
	publishedMax = 256
	dialLimit    = 10 * time.Second
)

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
	Guest  netip.AddrPort `json:"guest"` // as the host reaches it
}

// published is a port while it is open.
type published struct {
	listener net.Listener
	guest    netip.AddrPort
	mu       sync.Mutex
	ended    bool
	open     map[net.Conn]bool
	running  sync.WaitGroup
}

// publish listens on a port of this thread's namespace, the host's, until it is closed.
func publish(port Port) (*published, error) {
	listener, err := net.Listen("tcp", port.Listen.String())
	if err != nil {
		return nil, &PortError{port.Listen, err}
	}
	p := &published{listener: listener, guest: port.Guest, open: map[net.Conn]bool{}}
	p.running.Go(p.serve)
	return p, nil
}

func (p *published) serve() {
	slots := make(chan struct{}, publishedMax)
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(100 * time.Millisecond) // descriptors are used up
			continue
		}
		slots <- struct{}{}
		p.running.Go(func() {
			defer func() { <-slots }()
			p.carry(client)
		})
	}
}

// carry carries bytes both ways until both ends are done, or either breaks.
func (p *published) carry(client net.Conn) {
	defer client.Close()
	guest, err := net.DialTimeout("tcp", p.guest.String(), dialLimit)
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
	both.Go(func() { pass(guest, client) })
	both.Go(func() { pass(client, guest) })
	both.Wait()
}

// pass copies until the end of what comes, and passes that on.
func pass(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		from.Close()
		return
	}
	to.(*net.TCPConn).CloseWrite()
}

func (p *published) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		p.open[conn] = true
	}
	return !p.ended
}

func (p *published) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		delete(p.open, conn)
	}
}

func (p *published) close() {
	p.listener.Close()
	p.mu.Lock()
	p.ended = true
	for conn := range p.open {
		conn.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}
