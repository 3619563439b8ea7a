package supervise

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"

	"bandsox.dev/agent/internal/channel"
	"bandsox.dev/agent/internal/channel/serialline"
	"golang.org/x/sys/unix"
)

// resyncAfter bounds how often a guest that breaks the protocol can make the host start over.
const resyncAfter = 100 * time.Millisecond

// relay carries connections on agent.sock to the guest, as streams of the session on the VMM's channel.
type relay struct {
	serial   bool         // the channel is a serial line
	clients  net.Listener // nil: the VMM serves its guest itself
	watchers net.Listener // those whose connections do not count as activity; nil: nobody
	activity *activity
	channel  net.Listener
	vsock    *vsockRoute // nil: the channel is all there is
	guard    *portGuard  // nil: nothing takes the channel's place
	session  sessionSlot
	holder   holder
	onReady  func() // called once, when the guest has answered for the first time
	ready    sync.Once
	slots    chan struct{} // a token per connection
	ended    chan struct{}
	running  sync.WaitGroup
	mu       sync.Mutex
	attached map[io.Closer]bool // everything that has to be closed in the end
}

// connectionLimit is how many connections to a guest are carried at a time.
const connectionLimit = 1024

// listenRelay makes both sockets, so that the VMM finds one and clients the other.
func listenRelay(config Config, onReady func()) (*relay, error) {
	r := newRelay(config.Transport == Serial, onReady)
	if config.ChannelSocket == "" {
		return r, nil
	}
	var err error
	if r.channel, err = listenPrivate(config.ChannelSocket); err != nil {
		return nil, err
	}
	if err := r.listenClients(config); err != nil {
		r.channel.Close()
		return nil, err
	}
	return r, nil
}

func newRelay(serial bool, onReady func()) *relay {
	return &relay{serial: serial, onReady: onReady, slots: make(chan struct{}, connectionLimit), ended: make(chan struct{}),
		attached: map[io.Closer]bool{}, activity: &activity{}}
}

// listenClients makes the sockets clients come to.
func (r *relay) listenClients(config Config) (err error) {
	if r.clients, err = listenPrivate(config.AgentSocket); err != nil || config.ObserverSocket == "" {
		return err
	}
	if r.watchers, err = listenPrivate(config.ObserverSocket); err != nil {
		r.clients.Close()
	}
	return err
}

// listenPrivate listens on a socket only this user can connect to, replacing what a killed supervisor left there.
func listenPrivate(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	previous := unix.Umask(0o177)
	defer unix.Umask(previous)
	return net.Listen("unix", path)
}

// serve carries connections until close.
func (r *relay) serve() {
	if r.clients == nil {
		return
	}
	if r.channel != nil {
		r.running.Go(r.serveChannel)
	}
	r.running.Go(func() { r.serveClients(r.clients, r.activity.enter) })
	if r.watchers != nil {
		r.running.Go(func() { r.serveClients(r.watchers, func() func() { return func() {} }) })
	}
}

// close ends everything and removes the sockets.
func (r *relay) close() {
	if r.clients == nil {
		return
	}
	close(r.ended)
	r.holder.release() // whatever waits for the guest to go on ends
	r.vsock.close()
	r.clients.Close()
	if r.channel != nil {
		r.channel.Close()
	}
	if r.watchers != nil {
		r.watchers.Close()
	}
	r.mu.Lock()
	for conn := range r.attached {
		conn.Close()
	}
	r.mu.Unlock()
	r.running.Wait()
}

// attach registers a connection to be closed by close. It returns false when that has happened already.
func (r *relay) attach(conn io.Closer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.ended:
		conn.Close()
		return false
	default:
		r.attached[conn] = true
		return true
	}
}

func (r *relay) detach(conn io.Closer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.attached, conn)
	conn.Close()
}

// serveChannel serves one connection of the VMM after the other.
func (r *relay) serveChannel() {
	for {
		conn, err := acceptPatiently(r.channel)
		if err != nil {
			return
		}
		if r.attach(conn) {
			r.serveConnection(conn, r.serial)
			r.detach(conn)
		}
		if r.guard.isDead() {
			r.channel.Close()
			r.useSerial(r.guard.line)
			return
		}
	}
}

// breakOff ends every connection to the guest that there is; new ones come about as ever.
func (r *relay) breakOff() {
	if r.vsock.isAlive() {
		r.vsock.conns.forsake()()
	}
	if session := r.session.current(); session != nil {
		session.Close()
	}
}

// useSerial has sessions on a VMM's serial line from now on.
func (r *relay) useSerial(line *serialSide) {
	line.open()
	if r.attach(line) {
		r.running.Go(func() {
			defer r.detach(line)
			r.serveConnection(line, true)
		})
	}
}

func (r *relay) serveConnection(conn channel.Transport, serial bool) {
	if !serial {
		link := channel.NewLink(conn)
		r.serveSessions(link, r.guard.guarded(conn, link.RequestSync))
		return
	}
	line := serialline.NewHost(conn)
	defer line.Stop()
	link := channel.NewLink(line)
	r.serveSessions(link, link.RequestSync)
}

// serveSessions has one session after the other on a connection of the VMM, until the connection breaks. Each begins with
// a request that the guest answers.
func (r *relay) serveSessions(link *channel.Link, request func() error) {
	r.holder.use(link)
	for {
		if err := request(); err != nil {
			return
		}
		session, err := link.OpenSession()
		if err != nil {
			return
		}
		r.ready.Do(r.onReady)
		r.session.set(session)
		if r.guard.isClosed() { // since it answered: nothing will tell again
			session.Close()
		}
		select {
		case <-session.CloseChan():
		case <-r.ended:
		}
		r.session.clear()
		session.Close() // returns when the session no longer touches the link
		select {
		case <-time.After(resyncAfter):
		case <-r.ended:
			return
		}
	}
}

// serveClients carries the connections of one socket, each within what enter begins.
func (r *relay) serveClients(clients net.Listener, enter func() (leave func())) {
	for {
		conn, err := acceptPatiently(clients)
		if err != nil {
			return
		}
		select {
		case r.slots <- struct{}{}:
		default:
			refuse(conn, "too many connections")
			conn.Close()
			continue
		}
		if !r.attach(conn) {
			return
		}
		r.running.Go(func() {
			defer func() { <-r.slots }()
			defer r.detach(conn)
			defer enter()()
			r.carry(conn.(*net.UnixConn))
		})
	}
}

// acceptPatiently accepts until the listener is closed; being out of descriptors passes.
func acceptPatiently(listener net.Listener) (net.Conn, error) {
	for {
		conn, err := listener.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return conn, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}
