// Package channel carries many streams over the one byte channel between host and guest: a handshake that tells a new
// session from the remains of an old one, then yamux. PROTOCOL.md §2 is its contract.
package channel

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Transport is the raw channel: a Unix socket on the host, a virtio-serial port in the guest, or a serialline.Line on
// either side.
type Transport interface {
	io.ReadWriter
	SetDeadline(time.Time) error
}

// sessionTransport is a Transport that has to know where sessions begin and end.
type sessionTransport interface {
	// AwaitSync ends what was before: from now on only a handshake is of use.
	AwaitSync() error
	// WriteSync sends a message of the handshake.
	WriteSync(message []byte) error
}

// ErrLost is a read of a Transport that cannot go on: bytes before it are lost, and what follows is good for nothing but
// a handshake.
var ErrLost = errors.New("bytes of the channel were lost")

// readSize is large because every read of a virtio-serial port costs an exit to the VMM.
const readSize = 64 << 10

// writeSize is what a virtio-serial port takes at once.
const writeSize = 32 << 10

// Link is a transport on which sessions follow one another. Its user alternates between a handshake and a session;
// it never closes the transport.
type Link struct {
	transport Transport
	reader    *bufio.Reader
	outgoing  outgoing
}

func NewLink(transport Transport) *Link {
	return &Link{transport: transport, reader: bufio.NewReaderSize(transport, readSize)}
}

func (l *Link) awaitSync() error {
	if aware, ok := l.transport.(sessionTransport); ok {
		return aware.AwaitSync()
	}
	return nil
}

// writeSync sends a message of the handshake.
func (l *Link) writeSync(message []byte) error {
	if aware, ok := l.transport.(sessionTransport); ok {
		return aware.WriteSync(message)
	}
	_, err := l.transport.Write(message)
	return err
}

// Unsent is how many written bytes the peer has not taken yet, 0 where the transport cannot tell.
func Unsent(transport Transport) int {
	socket, ok := transport.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0
	}
	unsent := 0
	raw.Control(func(fd uintptr) {
		if n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			unsent = n
		}
	})
	return unsent
}

// ErrResync ends a session because the host asks for a new one; the request is still to be read.
var ErrResync = errors.New("the host has started a new session")

// errRefused ends a session whose peer sent a frame that this side has no use for.
var errRefused = errors.New("the peer sent a frame outside the protocol")

// A yamux frame is version (1 byte, 0), type (1), flags (2), stream (4) and length (4), big endian; only data frames
// are followed by length bytes.
const (
	frameHeaderSize = 12
	frameData       = 0
	frameWindow     = 1
	flagSyn         = 1
)

// frames is what one session sees of a link. It follows the frame boundaries of the input, so that it can end the
// session at a handshake or at a frame that accept refuses. Closing it interrupts reads and writes and leaves the
// transport open.
type frames struct {
	link     *Link
	accept   func(header []byte) bool
	header   [frameHeaderSize]byte
	unread   int
	bodyLeft uint32
	head     []byte // of a frame whose body comes with the next write
	closed   atomic.Bool
	done     chan struct{} // closed with it
}

func newFrames(link *Link, accept func(header []byte) bool) *frames {
	return &frames{link: link, accept: accept, done: make(chan struct{})}
}

func (f *frames) Read(p []byte) (int, error) {
	if f.closed.Load() {
		return 0, io.ErrClosedPipe
	}
	if f.unread == 0 && f.bodyLeft > 0 {
		n, err := f.link.reader.Read(p[:min(uint32(len(p)), f.bodyLeft)])
		f.bodyLeft -= uint32(n)
		return n, err
	}
	if f.unread == 0 {
		if err := f.readHeader(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.header[frameHeaderSize-f.unread:])
	f.unread -= n
	return n, nil
}

func (f *frames) readHeader() error {
	// A request is recognised by peeking, because the handshake that follows has to find it.
	head, err := f.link.reader.Peek(len(requestMagic))
	if err != nil {
		return err
	}
	if string(head) == requestMagic {
		return ErrResync
	}
	if _, err := io.ReadFull(f.link.reader, f.header[:]); err != nil {
		return err
	}
	if f.header[0] != 0 || !f.accept(f.header[:]) {
		return errRefused
	}
	f.unread = frameHeaderSize
	if f.header[1] == frameData {
		f.bodyLeft = binary.BigEndian.Uint32(f.header[8:])
	}
	return nil
}

// Write sends a data frame's header together with its body, which yamux writes one after the other: each write of a
// virtio-serial port costs exits to the VMM on both sides, and wakes the other side.
func (f *frames) Write(p []byte) (int, error) {
	if f.closed.Load() {
		return 0, io.ErrClosedPipe
	}
	if len(f.head) == 0 && announcesBody(p) {
		f.head = append(f.head, p...)
		return len(p), nil
	}
	if !f.link.outgoing.begin(f.done) {
		return 0, io.ErrClosedPipe
	}
	head := len(f.head)
	written, err := f.writeWhole(p)
	var torn []byte
	if err != nil && written > 0 {
		torn = append(append(torn, f.head...), p...)[written:]
	}
	f.link.outgoing.end(torn)
	f.head = f.head[:0]
	return max(0, written-head), err
}

// writeWhole writes the header that is kept, if there is one, and p. It returns how many bytes of both were taken.
func (f *frames) writeWhole(p []byte) (int, error) {
	head := len(f.head)
	if head == 0 {
		return f.link.transport.Write(p)
	}
	together := min(len(p), writeSize-head)
	first, err := f.link.transport.Write(append(f.head, p[:together]...))
	if err != nil || together == len(p) {
		return first, err
	}
	rest, err := f.link.transport.Write(p[together:])
	return first + rest, err
}

// announcesBody tells whether a write of yamux is a header that a body follows.
func announcesBody(p []byte) bool {
	return len(p) == frameHeaderSize && p[1] == frameData && binary.BigEndian.Uint32(p[8:]) > 0
}

func (f *frames) Close() error {
	if !f.closed.Swap(true) {
		close(f.done)
	}
	return f.link.transport.SetDeadline(time.Unix(1, 0))
}
