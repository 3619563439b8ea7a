package httpapi

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/yamux"
)

// upperServer answers with what it was sent, in capitals, once the client has ended its half.
func upperServer(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				all, _ := io.ReadAll(conn)
				conn.Write(bytes.ToUpper(all))
				conn.Close()
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

// apiSession is the API served over the channel's streams, as in a guest.
func apiSession(t *testing.T, m Machine) *yamux.Session {
	t.Helper()
	near, far := net.Pipe()
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	guest, err := yamux.Server(far, config)
	if err != nil {
		t.Fatal(err)
	}
	host, err := yamux.Client(near, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close(); guest.Close() })
	go New(About{}, m, reaper, nil).Serve(guest)
	return host
}

func upgrade(t *testing.T, session *yamux.Session, path string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := session.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	// The first bytes may follow the request at once.
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: vm\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly ", path)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, reader, response
}

func TestATCPConnectionIsForwardedWithItsHalfCloses(t *testing.T) {
	session := apiSession(t, &fakeMachine{true})
	for _, host := range []string{"", "&host=127.0.0.1", "&host=localhost"} {
		conn, reader, response := upgrade(t, session, fmt.Sprintf("/v1/tcp?port=%d%s", upperServer(t), host))
		if response.StatusCode != 101 || response.Header.Get("Upgrade") != "tcp" {
			t.Fatalf("got %v", response)
		}
		io.WriteString(conn, "words")
		conn.Close() // a stream's half
		got, err := io.ReadAll(reader)
		if err != nil || string(got) != "EARLY WORDS" {
			t.Errorf("%q: got %q, %v", host, got, err)
		}
	}
}

func TestConnectionsThatCannotBeMadeAreRefused(t *testing.T) {
	for path, want := range map[string]int{
		"/v1/tcp?port=1": 502, "/v1/tcp?port=0": 400, "/v1/tcp?port=65536": 400, "/v1/tcp": 400,
		"/v1/tcp?port=1&host=example.com": 400, "/v1/tcp?port=1&x=": 400,
	} {
		if _, _, response := upgrade(t, apiSession(t, &fakeMachine{true}), path); response.StatusCode != want {
			t.Errorf("%s: got %v", path, response)
		}
	}
	if _, _, response := upgrade(t, apiSession(t, &fakeMachine{}), "/v1/tcp?port=1"); response.StatusCode != 409 {
		t.Errorf("bare: got %v", response)
	}
	for name, client := range serveAPI(t, &fakeMachine{true}, nil) {
		if status, answer := call(t, client, "GET", "/v1/tcp?port=1", ""); status != 400 {
			t.Errorf("%s without an upgrade: got %d %v", name, status, answer)
		}
	}
}

func TestForwardedConnectionsAreBounded(t *testing.T) {
	api := New(About{}, &fakeMachine{true}, reaper, nil)
	for range tcpLimit {
		api.forwards <- struct{}{}
	}
	near, far := net.Pipe()
	defer near.Close()
	listener := &oneConn{far, make(chan struct{})}
	defer close(listener.closed)
	go api.Serve(listener)
	go fmt.Fprint(near, "GET /v1/tcp?port=1 HTTP/1.1\r\nHost: vm\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(near), nil)
	if err != nil || response.StatusCode != 429 {
		t.Errorf("got %v, %v", response, err)
	}
}

// oneConn is a listener that accepts one connection.
type oneConn struct {
	conn   net.Conn
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if conn := l.conn; conn != nil {
		l.conn = nil
		return conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{} }
