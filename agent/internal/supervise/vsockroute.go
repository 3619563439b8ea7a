package supervise

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"bandsox.dev/agent/internal/channel"
)

// vsockRoute is the way to the guest through a socket of the VMM's, which carries each connection by itself.
type vsockRoute struct {
	socket string
	ctx    context.Context // until it is dead
	giveUp context.CancelFunc
	conns  vsockConns
}

func newVsockRoute(socket string) *vsockRoute {
	ctx, cancel := context.WithCancel(context.Background())
	return &vsockRoute{socket: socket, ctx: ctx, giveUp: cancel}
}

func (v *vsockRoute) isAlive() bool { return v != nil && v.ctx.Err() == nil }

// close gives the route up: connections end, and those that are being made fail.
func (v *vsockRoute) close() {
	if v != nil {
		v.giveUp()
		v.conns.forsake()()
	}
}

// connect makes a connection to the agent. A guest that stands still answers when it goes on.
func (v *vsockRoute) connect(ctx context.Context) (*net.UnixConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", v.socket)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	err = greet(conn)
	if !stop() {
		err = errors.Join(err, ctx.Err())
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}

// establish makes a connection that the guest still knows, one of the route's.
func (v *vsockRoute) establish(ctx context.Context) (*vsockConn, error) {
	for {
		generation := v.conns.begin()
		conn, err := v.connect(ctx)
		if err != nil {
			return nil, err
		}
		if added := v.conns.add(conn, generation); added != nil {
			return added, nil
		}
		conn.Close()
	}
}

// probe makes a connection and lets go of it.
func (v *vsockRoute) probe(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := v.connect(ctx)
	if ctx.Err() != nil {
		return fmt.Errorf("no answer within %d ms", limit.Milliseconds())
	}
	if err != nil {
		return fmt.Errorf("the connection was refused: %w", err)
	}
	return conn.Close()
}

// carryOverVsock serves one client: bytes both ways until both directions have ended. It returns false, with nothing
// said to the client, when the route has been given up meanwhile.
func (r *relay) carryOverVsock(client *net.UnixConn, early *bufio.Reader) bool {
	guest, err := r.connectFor(client)
	if err != nil {
		if !r.vsock.isAlive() {
			return false
		}
		refuse(client, "the guest is not reachable")
		return true
	}
	if !r.attach(guest) {
		r.vsock.conns.remove(guest)
		return true
	}
	defer r.detach(guest)
	client.SetWriteDeadline(time.Now().Add(handshakeTimeout))
	if _, err := fmt.Fprintf(client, "OK %d\n", channel.AgentPort); err != nil {
		r.vsock.conns.remove(guest)
		return true
	}
	client.SetWriteDeadline(time.Time{})
	go func() {
		defer r.vsock.conns.remove(guest)
		pass(client, guest.UnixConn)
	}()
	head := make([]byte, early.Buffered())
	io.ReadFull(early, head)
	if writeWhile(guest.UnixConn, head, func() bool { return !clientGone(client) }) == nil {
		pass(guest.UnixConn, client)
	}
	awaitEither(client, guest)
	return true
}

// connectFor makes a connection for as long as the client waits for it. The caller removes it from the route's.
func (r *relay) connectFor(client *net.UnixConn) (*vsockConn, error) {
	ctx, cancel := context.WithCancel(r.vsock.ctx)
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		awaitHangup(client)
		cancel()
	}()
	guest, err := r.vsock.establish(ctx)
	client.SetReadDeadline(time.Unix(1, 0))
	<-watched
	err = errors.Join(err, client.SetReadDeadline(time.Time{}))
	if err != nil && guest != nil {
		r.vsock.conns.remove(guest)
		guest.Close()
	}
	return guest, err
}

// awaitEither stays until the guest has ended too or the client has left altogether.
func awaitEither(client *net.UnixConn, guest *vsockConn) {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		awaitHangup(client)
	}()
	select {
	case <-guest.done:
		client.SetReadDeadline(time.Unix(1, 0))
		<-gone
	case <-gone:
		client.Close()
		guest.Close()
	}
	<-guest.done
}

// pass copies until the end of from and passes that on; what breaks ends both.
func pass(to, from *net.UnixConn) {
	raw, err := from.SyscallConn()
	if err != nil {
		return
	}
	for {
		// Wait for bytes first, so that an idle connection holds no buffer.
		if err = raw.Read(func(fd uintptr) bool { return readable(int(fd)) }); err != nil {
			break
		}
		buffer := copyBuffers.Get().(*[copySize]byte)
		var n int
		n, err = from.Read(buffer[:])
		if n > 0 {
			err = errors.Join(err, writeWhile(to, buffer[:n], func() bool { return !clientGone(from) }))
		}
		copyBuffers.Put(buffer)
		if err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		to.CloseWrite()
		return
	}
	to.Close()
	from.Close()
}

// writeWhile writes all of p, however long that takes, as long as somebody wants it.
func writeWhile(to *net.UnixConn, p []byte, wanted func() bool) error {
	for len(p) > 0 {
		to.SetWriteDeadline(time.Now().Add(stallCheck))
		n, err := to.Write(p)
		p = p[n:]
		if errors.Is(err, os.ErrDeadlineExceeded) && wanted() {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}
