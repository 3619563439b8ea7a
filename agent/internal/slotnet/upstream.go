package slotnet

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

const (
	resolvConf      = "/etc/resolv.conf"
	serversMax      = 3
	upstreamTimeout = 2 * time.Second
	messageMax      = 65535
)

var errNoServers = errors.New("this machine knows no name server")

// nameServers are those this machine asks, as they are now.
func nameServers(path string) ([]netip.AddrPort, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var servers []netip.AddrPort
	lines := bufio.NewScanner(io.LimitReader(file, 64<<10))
	for lines.Scan() && len(servers) < serversMax {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if address, err := netip.ParseAddr(fields[1]); err == nil {
			servers = append(servers, netip.AddrPortFrom(address, 53))
		}
	}
	if len(servers) == 0 {
		return nil, errNoServers
	}
	return servers, lines.Err()
}

// ask puts a query to the name servers in turn and returns the first answer. The query bears a number of its own.
func ask(ctx context.Context, query []byte, overTCP bool) ([]byte, error) {
	servers, err := nameServers(resolvConf)
	if err != nil {
		return nil, err
	}
	own := append([]byte(nil), query...)
	var failed error
	for _, server := range servers {
		if _, err := rand.Read(own[:2]); err != nil {
			return nil, err
		}
		response, err := exchange(ctx, server, own, overTCP)
		if err == nil {
			copy(response, query[:2])
			return response, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

func exchange(ctx context.Context, server netip.AddrPort, query []byte, overTCP bool) ([]byte, error) {
	network := "udp"
	if overTCP {
		network = "tcp"
	}
	ctx, cancel := context.WithTimeout(ctx, upstreamTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	if overTCP {
		if err := writeMessage(conn, query); err != nil {
			return nil, err
		}
		response, err := readMessage(conn)
		if err == nil && !answers(response, query) {
			err = fmt.Errorf("%s answered something else", server)
		}
		return response, err
	}
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	buffer := make([]byte, messageMax)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return nil, err
		}
		if answers(buffer[:n], query) {
			return buffer[:n], nil
		}
	}
}

// answers reports whether a message is the answer to a query: its number and its question.
func answers(response, query []byte) bool {
	if len(response) < 12 || response[0] != query[0] || response[1] != query[1] || response[2]&0x80 == 0 {
		return false
	}
	asked, err := parseQuestion(query)
	if err != nil {
		return false
	}
	plain := append([]byte(nil), response...)
	plain[2] &^= 0xf8 // as a query
	echoed, err := parseQuestion(plain)
	return err == nil && echoed.name == asked.name && echoed.question.Type == asked.question.Type
}

// On TCP a message follows its length.
func readMessage(conn io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(conn, message)
	return message, err
}

func writeMessage(conn io.Writer, message []byte) error {
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(message)))
	_, err := conn.Write(append(framed, message...))
	return err
}
