package channel

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAVsockConnectionHalfCloses(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	near, far := &vsockConn{os.NewFile(uintptr(fds[0]), "near")}, os.NewFile(uintptr(fds[1]), "far")
	defer near.Close()
	io.WriteString(near, "last")
	if err := near.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(far)
	if err != nil || string(got) != "last" {
		t.Errorf("got %q, %v", got, err)
	}
	io.WriteString(far, "still heard")
	far.Close()
	if got, err = io.ReadAll(near); err != nil || string(got) != "still heard" {
		t.Errorf("got %q, %v", got, err)
	}
}

// onceListener hands out one connection.
type onceListener struct {
	conn   chan net.Conn
	closed chan struct{}
}

func (l *onceListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conn:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *onceListener) Close() error   { close(l.closed); return nil }
func (l *onceListener) Addr() net.Addr { return vsockAddr{} }

func TestAConnectionServesOneRequestAfterTheOther(t *testing.T) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	listener := &onceListener{make(chan net.Conn, 1), make(chan struct{})}
	listener.conn <- &vsockConn{File: os.NewFile(uintptr(ends[0]), "guest")}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.Context().Err() != nil {
			w.WriteHeader(http.StatusGone)
		}
	})}
	go server.Serve(listener)
	defer server.Close()
	host := &vsockConn{File: os.NewFile(uintptr(ends[1]), "host")}
	defer host.Close()
	answers := bufio.NewReader(host)
	for range 5 {
		io.WriteString(host, "POST / HTTP/1.1\r\nHost: guest\r\nContent-Length: 2\r\n\r\n{}")
		answer, err := http.ReadResponse(answers, nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("got %v, %v: the client is taken for gone", answer, err)
		}
	}
}
