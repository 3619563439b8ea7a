package channel

import (
	"bytes"
	"io"
	"math/rand"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/yamux"
)

// next is the guest's next session, once it has noticed that the host has begun another.
func next(t *testing.T, guestLink *Link, guest *yamux.Session) <-chan *yamux.Session {
	answered := make(chan *yamux.Session, 1)
	go func() {
		<-guest.CloseChan()
		guest.Close()
		if guestLink.AnswerSync() != nil {
			return
		}
		session, _ := guestLink.ServeSession()
		answered <- session
	}()
	return answered
}

func within(t *testing.T, limit time.Duration, what string, session <-chan *yamux.Session) *yamux.Session {
	t.Helper()
	select {
	case s := <-session:
		t.Cleanup(func() { s.Close() })
		return s
	case <-time.After(limit):
		t.Fatal(what)
		return nil
	}
}

// fill has the host write a stream that the guest accepts, until nothing more of it is taken. A guest that is not served
// takes nothing, whatever its session would.
func fill(t *testing.T, host *yamux.Session, data []byte) {
	t.Helper()
	stream, err := host.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	go stream.Write(data)
	time.Sleep(100 * time.Millisecond)
}

// slow is a transport whose reader can be stopped.
type slow struct {
	net.Conn
	stopped sync.Mutex
}

func (s *slow) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.stopped.Lock()
	defer s.stopped.Unlock()
	return n, err
}

func TestAFrameIsFinishedThoughItsSessionIsClosed(t *testing.T) {
	data := make([]byte, guestWindow)
	rand.New(rand.NewSource(1)).Read(data)
	a, b := socketPair(t)
	reader := &slow{Conn: b}
	hostLink, guestLink := NewLink(a), NewLink(reader)
	host, guest := establish(t, hostLink, guestLink)
	stream, err := host.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	stream.Write([]byte("begun"))
	accepted, err := guest.AcceptStream()
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	io.ReadFull(accepted, got)
	reader.stopped.Lock()
	go stream.Write(data)
	for Unsent(a) < 50_000 {
		time.Sleep(time.Millisecond)
	}
	host.Close() // in the middle of the frame: the socket takes less
	begun := time.Now()
	resynced := make(chan error, 1)
	go func() { resynced <- hostLink.RequestSync() }()
	answered := next(t, guestLink, guest)
	reader.stopped.Unlock()
	if got, _ := io.ReadAll(accepted); len(got) < 100_000 || !bytes.HasPrefix(data, got) {
		t.Errorf("%d bytes came of that frame, and not only its own", len(got))
	}
	again := within(t, 5*time.Second, "the guest hears no request", answered)
	if err := <-resynced; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > syncRepeatAfter/2 {
		t.Errorf("it took %v: the first request was lost", took)
	}
	if host, err = hostLink.OpenSession(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close() })
	roundTrip(t, host, again)
}

func TestAGuestLeftInTheMiddleOfAFrameIsReachedAgain(t *testing.T) {
	a, b := socketPair(t)
	guestLink := NewLink(b)
	host, err := NewLink(a).OpenSession()
	if err != nil {
		t.Fatal(err)
	}
	guest, err := guestLink.ServeSession()
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, host, guest)
	// As one that was saved there: the rest of the frame is nowhere any more.
	a.Write([]byte{0, frameData, 0, 0, 0, 0, 0, 9, 0, 4, 0, 0, 'x'})
	answered := next(t, guestLink, guest)
	if err := NewLink(a).RequestSync(); err != nil {
		t.Fatal(err)
	}
	within(t, 5*time.Second, "the guest hears no request", answered)
}

func TestWhatIsHeldIsWholeAndGoesOn(t *testing.T) {
	hostLink, guestLink := openPair(t)
	host, guest := establish(t, hostLink, guestLink)
	go echoOne(guest)
	stream, err := host.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 5*guestWindow)
	rand.New(rand.NewSource(1)).Read(data)
	go func() {
		stream.Write(data)
		stream.Close()
	}()
	got := make([]byte, len(data))
	for at := 0; at < len(data); {
		n := min(100_000, len(data)-at)
		if _, err := io.ReadFull(stream, got[at:at+n]); err != nil {
			t.Fatal(err)
		}
		at += n
		if !hostLink.Hold(5 * time.Second) {
			t.Fatal("the guest does not take what has begun")
		}
		if hostLink.outgoing.writes() || Unsent(hostLink.transport) > 0 {
			t.Error("a frame is on its way")
		}
		hostLink.Release()
	}
	if !bytes.Equal(got, data) {
		t.Error("something was lost")
	}
}

func TestNoHandshakeBeginsWhileItIsHeld(t *testing.T) {
	hostLink, guestLink := openPair(t)
	hostLink.Hold(0)
	synced := make(chan error, 1)
	go func() { synced <- hostLink.RequestSync() }()
	time.Sleep(50 * time.Millisecond)
	if unsent := Unsent(hostLink.transport); unsent > 0 {
		t.Errorf("%d bytes were sent", unsent)
	}
	go guestLink.AnswerSync()
	hostLink.Release()
	if err := <-synced; err != nil {
		t.Error(err)
	}
}

// sluggish takes bytes slowly.
type sluggish struct{ net.Conn }

func (s sluggish) Read(p []byte) (int, error) {
	time.Sleep(100 * time.Millisecond)
	return s.Conn.Read(p[:min(len(p), 60_000)])
}

func TestASlowGuestThatMissedARequestIsReached(t *testing.T) {
	a, b := socketPair(t)
	guestLink := NewLink(sluggish{b})
	missed := make([]byte, syncSize)
	synced := make(chan error, 1)
	go func() { synced <- NewLink(a).RequestSync() }()
	for range fillAfter {
		io.ReadFull(b, missed)
	}
	go guestLink.AnswerSync()
	select {
	case err := <-synced:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it is never reached")
	}
}

func TestHoldingWaitsForNobodyForEver(t *testing.T) {
	a, _ := socketPair(t)
	link := NewLink(a)
	host, err := link.OpenSession()
	if err != nil {
		t.Fatal(err)
	}
	fill(t, host, make([]byte, guestWindow))
	if link.Hold(20 * time.Millisecond) {
		t.Error("the guest has taken nothing")
	}
	closed := make(chan struct{})
	go func() {
		host.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Fatal("a session that is held cannot be closed")
	}
	link.Release()
}
