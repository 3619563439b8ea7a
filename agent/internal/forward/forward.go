// Package forward connects a client of the agent with a TCP server inside the guest.
package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// dialLimit is how long a server may take to accept.
const dialLimit = 10 * time.Second

// Dial connects to a port of the guest. host is an IP address, or localhost for 127.0.0.1 and then ::1.
func Dial(ctx context.Context, host string, port int) (*net.TCPConn, error) {
	addresses, err := resolve(host)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	var failures error
	for _, address := range addresses {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if err == nil {
			return conn.(*net.TCPConn), nil
		}
		failures = errors.Join(failures, err)
	}
	return nil, failures
}

// AddressError is a host that is neither an IP address nor localhost.
type AddressError struct{ Host string }

func (e *AddressError) Error() string {
	return fmt.Sprintf("%q is neither an IP address nor localhost", e.Host)
}

func resolve(host string) ([]string, error) {
	if host == "localhost" {
		return []string{"127.0.0.1", "::1"}, nil
	}
	if _, err := netip.ParseAddr(host); err != nil {
		return nil, &AddressError{host}
	}
	return []string{host}, nil
}

// Client is the agent's end of a client's connection.
type Client interface {
	io.ReadWriteCloser
}

// halfCloser can end one direction alone.
type halfCloser interface{ CloseWrite() error }

// Relay carries bytes both ways until both directions have ended, and closes both connections. The end of one direction
// is passed on alone; a connection that breaks ends both.
func Relay(client Client, clientReader io.Reader, server *net.TCPConn) {
	toClient := make(chan struct{})
	go func() {
		defer close(toClient)
		if _, err := io.Copy(client, server); err != nil || !closeWrite(client) {
			server.Close()
			client.Close()
		}
	}()
	if _, err := io.Copy(server, clientReader); err != nil || server.CloseWrite() != nil {
		server.Close()
		client.Close()
	}
	<-toClient
	server.Close()
	client.Close()
}

// closeWrite tells the client that nothing more comes. It is false where only the whole connection can be closed.
func closeWrite(client Client) bool {
	half, ok := client.(halfCloser)
	return ok && half.CloseWrite() == nil
}
