package slotnet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"bandsox.dev/agent/internal/slot"
)

const (
	// Queries of one guest that are worked on at the same time; others wait in the kernel's queue or are lost.
	queriesMax = 128
	// Connections for queries.
	connectionsMax = 32
	// How long a connection may be idle.
	idleLimit = 10 * time.Second
)

// listeners is where the guest asks, in its namespace.
type listeners struct {
	packets []*net.UDPConn
	streams []*net.TCPListener
}

func listen(netns string, addresses []netip.AddrPort) (*listeners, error) {
	l := &listeners{}
	err := slot.Inside(func() error { return slot.Enter(netns) }, func() error {
		for _, address := range addresses {
			packets, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(address))
			if err != nil && address.Addr().Is6() {
				continue // a kernel without IPv6
			}
			if err != nil {
				return err
			}
			l.packets = append(l.packets, packets)
			streams, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(address))
			if err != nil {
				return err
			}
			l.streams = append(l.streams, streams)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *listeners) close() error {
	var failed error
	for _, packets := range l.packets {
		failed = errors.Join(failed, packets.Close())
	}
	for _, streams := range l.streams {
		failed = errors.Join(failed, streams.Close())
	}
	return failed
}

// serve answers until the listeners are closed.
func (s *Service) serve(ctx context.Context) {
	for _, packets := range s.listeners.packets {
		s.running.Go(func() { s.servePackets(ctx, packets) })
	}
	for _, streams := range s.listeners.streams {
		s.running.Go(func() { s.serveStreams(ctx, streams) })
	}
}

func (s *Service) servePackets(ctx context.Context, packets *net.UDPConn) {
	slots := make(chan struct{}, queriesMax)
	buffer := make([]byte, messageMax)
	for {
		n, from, err := packets.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			continue // an answer that could not be delivered
		}
		query := append([]byte(nil), buffer[:n]...)
		slots <- struct{}{}
		s.running.Go(func() {
			defer func() { <-slots }()
			if answer := s.resolver.resolve(ctx, query, false); answer != nil {
				packets.WriteToUDPAddrPort(answer, from)
			}
		})
	}
}

func (s *Service) serveStreams(ctx context.Context, streams *net.TCPListener) {
	slots := make(chan struct{}, connectionsMax)
	for {
		conn, err := streams.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(100 * time.Millisecond) // descriptors are used up
			continue
		}
		slots <- struct{}{}
		s.running.Go(func() {
			defer func() { <-slots }()
			defer conn.Close()
			s.converse(ctx, conn)
		})
	}
}

func (s *Service) converse(ctx context.Context, conn net.Conn) {
	for {
		conn.SetDeadline(time.Now().Add(idleLimit))
		query, err := readMessage(conn)
		if err != nil {
			return
		}
		answer := s.resolver.resolve(ctx, query, true)
		if answer == nil || writeMessage(conn, answer) != nil {
			return
		}
	}
}
