package supervise

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

// stallCheck is how often a write the guest does not take looks whether its client is still there.
const stallCheck = 5 * time.Second

// copySize is the size of a copy buffer in bytes. Buffers are held only while there is something to copy.
const copySize = 256 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copySize]byte) }}

// carry serves one client: handshake, a stream to the guest, and bytes both ways until both directions have ended.
func (r *relay) carry(client *net.UnixConn) {
	early, err := readHandshake(client)
	if err != nil {
		refuse(client, err.Error())
		return
	}
	if r.vsock.isAlive() && r.carryOverVsock(client, early) {
		return
	}
	stream, err := r.openStream(client)
	if err != nil {
		refuse(client, "the guest is not reachable")
		return
	}
	client.SetWriteDeadline(time.Now().Add(handshakeTimeout))
	if _, err := fmt.Fprintf(client, "OK %d\n", stream.StreamID()); err != nil {
		abandon(stream)
		return
	}
	client.SetWriteDeadline(time.Time{})
	received := make(chan struct{})
	go func() {
		defer close(received)
		receive(client, stream)
	}()
	send(stream, client, early, received)
	<-received
	stream.Close()
}

// openStream opens a stream to the guest, in the next session when the current one ends meanwhile.
func (r *relay) openStream(client *net.UnixConn) (*yamux.Stream, error) {
	for {
		session, err := r.awaitSession(client)
		if err != nil {
			return nil, err
		}
		stream, err := session.OpenStream()
		if err == nil || !session.IsClosed() {
			return stream, err
		}
	}
}

// awaitSession waits for the guest, for as long as the client does.
func (r *relay) awaitSession(client *net.UnixConn) (*yamux.Session, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		awaitHangup(client)
		cancel()
	}()
	session, err := r.session.wait(ctx)
	client.SetReadDeadline(time.Unix(1, 0))
	<-watched
	return session, errors.Join(err, client.SetReadDeadline(time.Time{}))
}

// send copies from the client to the guest and passes its end on. Then it stays until the guest has ended too or the
// client has left altogether.
func send(stream *yamux.Stream, client *net.UnixConn, early *bufio.Reader, received <-chan struct{}) {
	head := make([]byte, early.Buffered())
	io.ReadFull(early, head)
	if writeToGuest(stream, client, head) == nil {
		copyToGuest(stream, client)
	}
	stream.Close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		awaitHangup(client)
	}()
	select {
	case <-received:
		client.SetReadDeadline(time.Unix(1, 0))
		<-gone
	case <-gone:
		// Interrupts a write to the client; what the guest still sends is then discarded.
		client.Close()
	}
}

func copyToGuest(stream *yamux.Stream, client *net.UnixConn) {
	raw, err := client.SyscallConn()
	if err != nil {
		return
	}
	for {
		// Wait for bytes first, so that an idle connection holds no buffer.
		if raw.Read(func(fd uintptr) bool { return readable(int(fd)) }) != nil {
			return
		}
		buffer := copyBuffers.Get().(*[copySize]byte)
		n, err := client.Read(buffer[:])
		if n > 0 {
			err = errors.Join(err, writeToGuest(stream, client, buffer[:n]))
		}
		copyBuffers.Put(buffer)
		if err != nil {
			return
		}
	}
}

// writeToGuest writes all of p, however long the guest takes, unless the client leaves.
func writeToGuest(stream *yamux.Stream, client *net.UnixConn, p []byte) error {
	for len(p) > 0 {
		stream.SetWriteDeadline(time.Now().Add(stallCheck))
		n, err := stream.Write(p)
		p = p[n:]
		if errors.Is(err, yamux.ErrTimeout) && !clientGone(client) {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func clientGone(client *net.UnixConn) bool {
	raw, err := client.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) { gone = hungUp(int(fd)) })
	return gone || err != nil
}

// receive copies from the guest to the client and passes its end on. When the client takes no more, the stream is
// closed and read to its end: an end that the guest has not confirmed would stay in the session.
func receive(client *net.UnixConn, stream *yamux.Stream) {
	for {
		// A read of nothing waits for bytes, so that an idle connection holds no buffer.
		if _, err := stream.Read(nil); err != nil {
			endClient(client, stream, err)
			return
		}
		buffer := copyBuffers.Get().(*[copySize]byte)
		n, err := stream.Read(buffer[:])
		if n > 0 && err == nil {
			_, err = client.Write(buffer[:n])
		}
		copyBuffers.Put(buffer)
		if err != nil {
			client.Close()
			abandon(stream)
			return
		}
	}
}

// endClient passes on how the guest ended: a finished stream leaves the client free to go on sending, a broken one does
// not.
func endClient(client *net.UnixConn, stream *yamux.Stream, err error) {
	if err == io.EOF && !stream.Session().IsClosed() {
		client.CloseWrite()
		return
	}
	client.Close()
}

// abandon ends a stream nobody uses any more.
func abandon(stream *yamux.Stream) {
	stream.Close()
	io.Copy(io.Discard, stream)
}
