package supervise

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"bandsox.dev/agent/internal/channel"
	"github.com/hashicorp/yamux"
)

// testRelay is a relay in this process; the test is the VMM and the clients.
type testRelay struct {
	t      *testing.T
	config Config
	ready  chan struct{}
}

func startRelay(t *testing.T) *testRelay {
	t.Helper()
	return startRelayOver(t, VirtioSerial)
}

func startRelayOver(t *testing.T, transport Transport) *testRelay {
	t.Helper()
	return startRelayWith(t, transport, func(*relay) {})
}

func startRelayWith(t *testing.T, transport Transport, prepare func(*relay)) *testRelay {
	t.Helper()
	before := runtime.NumGoroutine()
	directory := t.TempDir()
	r := &testRelay{t, Config{Transport: transport, ChannelSocket: filepath.Join(directory, "c"), AgentSocket: filepath.Join(directory, "a")},
		make(chan struct{})}
	relay, err := listenRelay(r.config, func() { close(r.ready) })
	if err != nil {
		t.Fatal(err)
	}
	prepare(relay)
	relay.serve()
	t.Cleanup(func() {
		closed := make(chan struct{})
		go func() { relay.close(); close(closed) }()
		select {
		case <-closed:
		case <-time.After(5 * time.Second):
			t.Fatal("close hangs")
		}
		awaitGoroutines(t, before)
	})
	return r
}

func awaitGoroutines(t *testing.T, limit int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if runtime.NumGoroutine() <= limit+2 { // the caller's, and its cleanup's
			return
		}
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), limit, stacks[:runtime.Stack(stacks, true)])
}

func (r *testRelay) vmm() net.Conn {
	r.t.Helper()
	conn, err := net.Dial("unix", r.config.ChannelSocket)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

// guest answers handshakes and serves streams until the connection ends, as the agent does.
func (r *testRelay) guest(conn channel.Transport, serve func(net.Conn)) {
	r.t.Helper()
	link := channel.NewLink(conn)
	if err := link.AnswerSync(); err != nil {
		r.t.Fatal(err)
	}
	go func() {
		for err := error(nil); err == nil; err = link.AnswerSync() {
			session, err := link.ServeSession()
			if err != nil {
				return
			}
			acceptStreams(session, serve)
			session.Close()
		}
	}()
}

func acceptStreams(session *yamux.Session, serve func(net.Conn)) {
	for {
		stream, err := session.Accept()
		if err != nil {
			return
		}
		go serve(stream)
	}
}

func echo(stream net.Conn) {
	io.Copy(stream, stream)
	stream.Close()
}

func (r *testRelay) client(hello string) *net.UnixConn {
	r.t.Helper()
	conn, err := net.Dial("unix", r.config.AgentSocket)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	io.WriteString(conn, hello)
	return conn.(*net.UnixConn)
}

func answer(t *testing.T, conn net.Conn) string {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	defer conn.SetReadDeadline(time.Time{})
	line, b := "", make([]byte, 1)
	for !strings.HasSuffix(line, "\n") {
		if _, err := conn.Read(b); err != nil {
			t.Fatalf("after %q: %v", line, err)
		}
		line += string(b)
	}
	return line
}

// accepted reads the answer of a relay that has opened a stream.
func accepted(t *testing.T, conn net.Conn) {
	t.Helper()
	if line := answer(t, conn); !strings.HasPrefix(line, "OK ") {
		t.Fatalf("refused: %q", line)
	}
}

func exchange(t *testing.T, client *net.UnixConn, size int) {
	t.Helper()
	sent := make([]byte, size)
	rand.Read(sent)
	go func() {
		client.Write(sent)
		client.CloseWrite()
	}()
	got, err := io.ReadAll(client)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("got %d of %d bytes, %v", len(got), size, err)
	}
}
