package forward

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// serve runs a TCP server for one connection and returns its port.
func serve(t *testing.T, address string, handle func(*net.TCPConn)) int {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Skipf("cannot listen on %s: %v", address, err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			handle(conn.(*net.TCPConn))
			conn.Close()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

func dial(t *testing.T, host string, port int) *net.TCPConn {
	t.Helper()
	conn, err := Dial(context.Background(), host, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestLocalhostIsBothAddresses(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "::1"} {
		dial(t, "localhost", serve(t, address, func(*net.TCPConn) {}))
	}
}

func TestBadHostsAndClosedPortsAreToldApart(t *testing.T) {
	var bad *AddressError
	for _, host := range []string{"example.com", "", "127.0.0.1:80", "localhost."} {
		if _, err := Dial(context.Background(), host, 1); !errors.As(err, &bad) {
			t.Errorf("%q: got %v", host, err)
		}
	}
	if _, err := Dial(context.Background(), "127.0.0.1", 1); err == nil || errors.As(err, &bad) {
		t.Errorf("got %v", err)
	}
}

// clientPair is a client's connection that can be half-closed.
func clientPair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	accepted := make(chan *net.TCPConn, 1)
	port := serve(t, "127.0.0.1", func(conn *net.TCPConn) {
		accepted <- conn
		io.Copy(io.Discard, blocked{t.Context()})
	})
	near = dial(t, "127.0.0.1", port)
	return near, <-accepted
}

// blocked reads nothing until the test ends.
type blocked struct{ context.Context }

func (b blocked) Read([]byte) (int, error) { <-b.Done(); return 0, io.EOF }

func TestEachDirectionEndsByItself(t *testing.T) {
	port := serve(t, "127.0.0.1", func(conn *net.TCPConn) {
		all, _ := io.ReadAll(conn) // ends with the client's half
		conn.Write(bytes.ToUpper(all))
	})
	near, far := clientPair(t)
	done := make(chan struct{})
	go func() { Relay(far, far, dial(t, "127.0.0.1", port)); close(done) }()
	near.Write([]byte("question"))
	near.CloseWrite()
	got, err := io.ReadAll(near)
	if err != nil || string(got) != "QUESTION" {
		t.Errorf("got %q, %v", got, err)
	}
	<-done
}

func TestABrokenServerEndsTheClient(t *testing.T) {
	port := serve(t, "127.0.0.1", func(conn *net.TCPConn) {
		conn.Read(make([]byte, 1))
		conn.SetLinger(0) // resets
	})
	near, far := clientPair(t)
	go Relay(far, far, dial(t, "127.0.0.1", port))
	near.Write([]byte{1})
	near.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := near.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("got %d bytes, %v", n, err)
	}
}

// fullOnly is a client whose directions cannot be closed alone.
type fullOnly struct{ io.ReadWriteCloser }

func TestWhereAHalfCannotBeClosedTheWholeIs(t *testing.T) {
	port := serve(t, "127.0.0.1", func(conn *net.TCPConn) { conn.Write([]byte("bye")) })
	near, far := clientPair(t)
	done := make(chan struct{})
	go func() { Relay(fullOnly{far}, far, dial(t, "127.0.0.1", port)); close(done) }()
	if got, err := io.ReadAll(near); err != nil || string(got) != "bye" {
		t.Errorf("got %q, %v", got, err)
	}
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("the relay waits for the client")
	}
}
