package channel

import (
	"bytes"
	"encoding/binary"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/yamux"
)

func openPair(t *testing.T) (hostLink, guestLink *Link) {
	t.Helper()
	a, b := socketPair(t)
	return NewLink(a), NewLink(b)
}

func establish(t *testing.T, hostLink, guestLink *Link) (host, guest *yamux.Session) {
	t.Helper()
	answered := make(chan error, 1)
	go func() { answered <- guestLink.AnswerSync() }()
	if err := hostLink.RequestSync(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	guest, err := guestLink.ServeSession()
	if err != nil {
		t.Fatal(err)
	}
	host, err = hostLink.OpenSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close(); guest.Close() })
	return host, guest
}

// echoOne has the guest answer one stream with what it brings.
func echoOne(guest *yamux.Session) {
	stream, err := guest.AcceptStream()
	if err == nil {
		io.Copy(stream, stream)
		stream.Close()
	}
}

// roundTrip sends bytes over a new stream that the guest echoes.
func roundTrip(t *testing.T, host, guest *yamux.Session) {
	t.Helper()
	go echoOne(guest)
	stream, err := host.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	sent := requestMagic + "data may contain a magic" + requestMagic
	io.WriteString(stream, sent)
	stream.Close()
	got, err := io.ReadAll(stream)
	if err != nil || string(got) != sent {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestANewHostEndsTheOldSessionAtOnce(t *testing.T) {
	hostLink, guestLink := openPair(t)
	host, guest := establish(t, hostLink, guestLink)
	roundTrip(t, host, guest)
	host.Close()
	start := time.Now()
	resynced := make(chan error, 1)
	go func() {
		<-guest.CloseChan()
		guest.Close()
		resynced <- guestLink.AnswerSync()
	}()
	if err := hostLink.RequestSync(); err != nil {
		t.Fatal(err)
	}
	if err := <-resynced; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > syncRepeatAfter/2 {
		t.Errorf("it took %v: the first request was lost", took)
	}
	guest, err := guestLink.ServeSession()
	if err != nil {
		t.Fatal(err)
	}
	host, err = hostLink.OpenSession()
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, host, guest)
	host.Close()
	guest.Close()
}

func TestHostEndsTheSessionOfAGuestThatLeavesTheProtocol(t *testing.T) {
	frame := func(kind byte, flags uint16, id, length uint32) []byte {
		b := make([]byte, frameHeaderSize)
		b[1] = kind
		binary.BigEndian.PutUint16(b[2:], flags)
		binary.BigEndian.PutUint32(b[4:], id)
		binary.BigEndian.PutUint32(b[8:], length)
		return b
	}
	for name, bytes := range map[string][]byte{
		"opens a stream":      frame(frameWindow, flagSyn, 2, 0),
		"pings":               frame(2, flagSyn, 0, 1),
		"goes away":           frame(3, 0, 0, 0),
		"speaks garbage":      []byte("no yamux at all"),
		"ignores the window":  frame(frameData, 0, 1, 1<<30),
		"repeats its answer":  message(answerMagic, nonce{}),
		"has another version": append([]byte{1}, frame(frameData, 0, 0, 0)[1:]...),
	} {
		t.Run(name, func(t *testing.T) {
			a, b := socketPair(t)
			host, err := NewLink(a).OpenSession()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := host.OpenStream(); err != nil {
				t.Fatal(err)
			}
			b.Write(bytes)
			select {
			case <-host.CloseChan():
			case <-time.After(2 * time.Second):
				t.Fatal("the session lives on")
			}
		})
	}
}

func TestClosingASessionInterruptsAWriteNobodyTakes(t *testing.T) {
	a, _ := socketPair(t)
	host, err := NewLink(a).OpenSession()
	if err != nil {
		t.Fatal(err)
	}
	stream, err := host.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	go stream.Write(make([]byte, hostWindow))
	time.Sleep(20 * time.Millisecond)
	closed := make(chan struct{})
	go func() { host.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(2 * time.Second):
		t.Fatal("Close hangs")
	}
}

// writes notes what is written to a transport, and how.
type writes struct {
	Transport
	mu    sync.Mutex
	sizes []int
	bytes []byte
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sizes, w.bytes = append(w.sizes, len(p)), append(w.bytes, p...)
	return w.Transport.Write(p)
}

func TestAFrameIsWrittenAtOnceAsFarAsAPortTakesIt(t *testing.T) {
	for _, size := range []int{1, 100, writeSize - frameHeaderSize, writeSize, 5 * writeSize} {
		near, far := socketPair(t)
		go io.Copy(io.Discard, far)
		out := &writes{Transport: near}
		conn := &frames{link: NewLink(out)}
		header := make([]byte, frameHeaderSize)
		binary.BigEndian.PutUint32(header[8:], uint32(size))
		body := bytes.Repeat([]byte("x"), size)
		for _, part := range [][]byte{header, body} {
			if n, err := conn.Write(part); n != len(part) || err != nil {
				t.Fatalf("wrote %d of %d: %v", n, len(part), err)
			}
		}
		if got := append(header, body...); !bytes.Equal(out.bytes, got) {
			t.Errorf("%d bytes: something else was written", size)
		}
		if first := min(writeSize, frameHeaderSize+size); out.sizes[0] != first || len(out.sizes) > 2 {
			t.Errorf("%d bytes were written as %v", size, out.sizes)
		}
	}
}

func TestAFrameWithoutABodyIsWrittenAtOnce(t *testing.T) {
	near, far := socketPair(t)
	conn := &frames{link: NewLink(near)}
	update := make([]byte, frameHeaderSize)
	update[1] = frameWindow
	binary.BigEndian.PutUint32(update[8:], 4096)
	end := make([]byte, frameHeaderSize) // data of no bytes
	for _, header := range [][]byte{update, end} {
		if _, err := conn.Write(header); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, frameHeaderSize)
		if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, header) {
			t.Fatalf("got %v, %v", got, err)
		}
	}
}
