package httpapi

import (
	"io"
	"net"
	"net/http"
	"strings"

	"bandsox.dev/agent/internal/duplex"
	"github.com/hashicorp/yamux"
)

// framesUpgrade is the protocol of a duplex call's connection.
const framesUpgrade = "bandsox-frames"

func asksForFrames(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.Header.Get("Upgrade") == framesUpgrade
}

// openDuplex makes the client's connection carry frames; when it fails the connection is gone.
func openDuplex(w http.ResponseWriter, command duplex.Command) (*duplex.Client, error) {
	conn, buffered, err := acceptFrames(w)
	if err != nil {
		return nil, err
	}
	return duplex.Serve(conn, buffered, command), nil
}

// acceptFrames agrees to the change of protocols, with headers of its own.
func acceptFrames(w http.ResponseWriter, headers ...string) (duplexConn, io.Reader, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return duplexConn{}, nil, err
	}
	head := append([]string{"HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: " + framesUpgrade}, headers...)
	if _, err := io.WriteString(conn, strings.Join(head, "\r\n")+"\r\n\r\n"); err != nil {
		conn.Close()
		return duplexConn{}, nil, err
	}
	return duplexConn{conn}, buffered.Reader, nil
}

// duplexConn closes one direction where the connection can.
type duplexConn struct{ net.Conn }

func (c duplexConn) CloseWrite() error {
	switch conn := c.Conn.(type) {
	case *yamux.Stream:
		return streamClient{conn}.CloseWrite()
	case interface{ CloseWrite() error }:
		return conn.CloseWrite()
	}
	return c.Close()
}
