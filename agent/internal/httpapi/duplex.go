package httpapi

import (
	"io"
	"net"
	"net/http"

	"bandsox.dev/agent/internal/duplex"
	"github.com/hashicorp/yamux"
)

// framesUpgrade is the protocol of a duplex call's connection.
const framesUpgrade = "bandsox-frames"

const framesAccepted = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + framesUpgrade + "\r\n\r\n"

func asksForFrames(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.Header.Get("Upgrade") == framesUpgrade
}

// openDuplex makes the client's connection carry frames; when it fails the connection is gone.
func openDuplex(w http.ResponseWriter, command duplex.Command) (*duplex.Client, error) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(conn, framesAccepted); err != nil {
		conn.Close()
		return nil, err
	}
	return duplex.Serve(duplexConn{conn}, buffered.Reader, command), nil
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
