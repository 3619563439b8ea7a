package channel

import (
	"encoding/binary"
	"time"

	"github.com/hashicorp/yamux"
)

const (
	// Bytes in flight towards a guest, per stream.
	guestWindow = 1 << 20
	// Bytes a guest can make the host hold, per stream: enough for what the agent writes at once of a file, twice, so that
	// it reads the next while the host takes the last.
	hostWindow = 512 << 10
	// Streams that may wait to be accepted; more than a host opens at once.
	acceptBacklog = 1024
)

// pauseLimit bounds one write. A VM may be paused for days with a write under way, and that is no failure: the end of
// the transport, not a clock, tells that a peer is gone.
const pauseLimit = 10 * 365 * 24 * time.Hour

// ServeSession is the guest's end of a session after AnswerSync. The session is a net.Listener.
func (l *Link) ServeSession() (*yamux.Session, error) {
	conn := newFrames(l, func([]byte) bool { return true })
	return yamux.Server(conn, sessionConfig(guestWindow))
}

// OpenSession is the host's end of a session after RequestSync.
func (l *Link) OpenSession() (*yamux.Session, error) {
	conn := newFrames(l, acceptFromGuest)
	return yamux.Client(conn, sessionConfig(hostWindow))
}

// acceptFromGuest admits only what answers a stream of the host: a guest opens no streams, and pings would each cost
// the host a goroutine while it does not read the replies.
func acceptFromGuest(header []byte) bool {
	flags := binary.BigEndian.Uint16(header[2:])
	return header[1] <= frameWindow && flags&flagSyn == 0
}

func sessionConfig(window uint32) *yamux.Config {
	return &yamux.Config{
		AcceptBacklog:          acceptBacklog,
		EnableKeepAlive:        false,
		KeepAliveInterval:      pauseLimit, // unused, but must not be zero
		ConnectionWriteTimeout: pauseLimit,
		MaxStreamWindowSize:    window,
		StreamOpenTimeout:      0, // a paused guest is not a dead one
		StreamCloseTimeout:     0, // a half-closed stream may carry hours of output
		Logger:                 silence{},
	}
}

// silence drops yamux's log: its lines are chosen by the peer and would be one more thing to bound.
type silence struct{}

func (silence) Print(...any)          {}
func (silence) Printf(string, ...any) {}
func (silence) Println(...any)        {}
