package slotnet

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// echo is a server that keeps what is connected to it.
func echo(t *testing.T) netip.AddrPort {
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
			go pass(conn.(*net.TCPConn), conn.(*net.TCPConn))
		}
	}()
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

func TestPortThatWaitsForAnotherToMakeRoomCloses(t *testing.T) {
	guest, slots := echo(t), make(chan struct{}, 1)
	open := func() (*Published, net.Conn) {
		port, err := Publish(Port{netip.MustParseAddrPort("127.0.0.1:0"), guest}, dialTCP, slots)
		if err != nil {
			t.Fatal(err)
		}
		client, err := net.Dial("tcp", port.Port().Listen.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		return port, client
	}
	first, holder := open()
	defer first.Close()
	holder.Write([]byte("x"))
	if _, err := holder.Read(make([]byte, 1)); err != nil { // it is served, and holds the only slot
		t.Fatal(err)
	}
	second, _ := open()
	closed := make(chan struct{})
	go func() {
		second.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for a connection of another port")
	}
}
