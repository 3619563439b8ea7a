package supervise

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"bandsox.dev/agent/internal/channel"
	"github.com/hashicorp/yamux"
)

func TestBytesPassBothWaysAndHalfClosesAreKept(t *testing.T) {
	r := startRelay(t)
	r.guest(r.vmm(), echo)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			client := r.client("CONNECT 52\n")
			if line := answer(t, client); !strings.HasPrefix(line, "OK ") || len(line) > 32 {
				t.Errorf("got %q", line)
			}
			exchange(t, client, 3<<20)
		})
	}
	all.Wait()
}

func TestOKIsHeldBackUntilTheGuestIsUp(t *testing.T) {
	r := startRelay(t)
	early := r.client("CONNECT 52\nearly bytes")
	early.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := early.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("answered: %v", err)
	}
	r.client("CONNECT 52\n").Close()
	r.guest(r.vmm(), echo)
	<-r.ready
	accepted(t, early)
	early.CloseWrite()
	if got, _ := io.ReadAll(early); string(got) != "early bytes" {
		t.Errorf("got %q", got)
	}
}

func TestBadClientsAreRefused(t *testing.T) {
	r := startRelay(t)
	for _, hello := range []string{"CONNECT 53\n", "GET / HTTP/1.1\r\n\r\n", strings.Repeat("x", 40), "CONNECT 52 \n", "CONNECT +52\n", "\n"} {
		client := r.client(hello)
		if line := answer(t, client); !strings.HasPrefix(line, "ERR ") {
			t.Errorf("%q: got %q", hello, line)
		}
		if _, err := client.Read(make([]byte, 1)); err == nil {
			t.Errorf("%q: the connection stays open", hello)
		}
	}
}

func TestABrokenChannelEndsStreamsAndTheNextGuestIsServed(t *testing.T) {
	r := startRelay(t)
	for name, breakIt := range map[string]func(conn net.Conn){
		"closed":  func(conn net.Conn) { conn.Close() },
		"garbage": func(conn net.Conn) { conn.Write([]byte("this is not a frame of yamux")) },
	} {
		conn := r.vmm()
		r.guest(conn, echo)
		client := r.client("CONNECT 52\n")
		accepted(t, client)
		breakIt(conn)
		client.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: got %v", name, err)
		}
		if name == "garbage" {
			// The same connection synchronises again.
			again := r.client("CONNECT 52\n")
			accepted(t, again)
			exchange(t, again, 1000)
			conn.Close()
		}
	}
}

func TestAFloodOfGarbageInsteadOfAHandshakeCostsNoMemory(t *testing.T) {
	r := startRelay(t)
	conn := r.vmm()
	garbage := bytes.Repeat([]byte("BSXSYNA\x00 garbage "), 4096)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 500 {
		conn.Write(garbage)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	r.guest(conn, echo)
	client := r.client("CONNECT 52\n")
	accepted(t, client)
	exchange(t, client, 1000)
}

func TestAGuestThatNeverReadsHoldsUpOnlyItsOwnClient(t *testing.T) {
	r := startRelay(t)
	conn := r.vmm()
	streams := make(chan net.Conn, 1)
	r.guest(conn, func(stream net.Conn) {
		select {
		case streams <- stream:
		default:
			echo(stream)
		}
	})
	stuck := r.client("CONNECT 52\n")
	accepted(t, stuck)
	stuck.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	n, err := stuck.Write(make([]byte, 64<<20))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n > 8<<20 {
		t.Fatalf("wrote %d bytes, %v", n, err)
	}
	other := r.client("CONNECT 52\n")
	accepted(t, other)
	exchange(t, other, 1<<20)
}

func TestAClientThatNeverReadsHoldsUpOnlyItself(t *testing.T) {
	r := startRelay(t)
	written := make(chan int, 1)
	var first sync.Once
	r.guest(r.vmm(), func(stream net.Conn) {
		mine := false
		first.Do(func() { mine = true })
		if !mine {
			echo(stream)
			return
		}
		stream.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		n, _ := stream.Write(make([]byte, 64<<20))
		written <- n
	})
	lazy := r.client("CONNECT 52\n")
	accepted(t, lazy)
	if n := <-written; n > 4<<20 {
		t.Errorf("the host took %d bytes", n)
	}
	other := r.client("CONNECT 52\n")
	accepted(t, other)
	exchange(t, other, 1<<20)
}

func TestAClientThatLeavesEndsItsStream(t *testing.T) {
	r := startRelay(t)
	ended := make(chan error, 1)
	r.guest(r.vmm(), func(stream net.Conn) {
		_, err := io.Copy(io.Discard, stream)
		ended <- err
		stream.Write(make([]byte, 4<<20))
		stream.Close()
	})
	client := r.client("CONNECT 52\n")
	accepted(t, client)
	client.Close()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the guest never noticed")
	}
}

func TestAGuestThatOpensStreamsLosesItsSession(t *testing.T) {
	r := startRelay(t)
	conn := r.vmm()
	link := channel.NewLink(conn)
	if err := link.AnswerSync(); err != nil {
		t.Fatal(err)
	}
	session, err := link.ServeSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if _, err := session.OpenStream(); err != nil && !errors.Is(err, yamux.ErrSessionShutdown) {
		t.Fatal(err)
	}
	select {
	case <-session.CloseChan(): // the host synchronises again, which ends the guest's session
	case <-time.After(5 * time.Second):
		t.Error("the session lives on")
	}
}
