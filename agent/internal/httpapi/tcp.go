package httpapi

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"

	"bandsox.dev/agent/internal/forward"
	"github.com/hashicorp/yamux"
)

// tcpLimit is how many forwarded connections there are at a time.
const tcpLimit = 1024

var tcpRoutes = []route{
	{"GET /v1/tcp", "port host", inMachine((*API).tcp)},
}

const tcpAccepted = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"

// tcp turns the client's connection into one to a server in the guest.
func (a *API) tcp(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	port, err := strconv.ParseUint(query.Get("port"), 10, 16)
	if err != nil || port == 0 {
		writeError(w, http.StatusBadRequest, "bad_request", "port must be a number from 1 to 65535")
		return
	}
	if r.Header.Get("Upgrade") != "tcp" || r.ProtoMajor != 1 {
		writeError(w, http.StatusBadRequest, "bad_request", "ask with HTTP/1.1 and Upgrade: tcp")
		return
	}
	select {
	case a.forwards <- struct{}{}:
		defer func() { <-a.forwards }()
	default:
		writeError(w, http.StatusTooManyRequests, "tcp_busy", "1024 connections are forwarded already")
		return
	}
	host := "127.0.0.1"
	if query.Has("host") {
		host = query.Get("host")
	}
	a.forward(w, r, host, int(port))
}

func (a *API) forward(w http.ResponseWriter, r *http.Request, host string, port int) {
	server, err := forward.Dial(r.Context(), host, port)
	var bad *forward.AddressError
	if errors.As(err, &bad) {
		writeError(w, http.StatusBadRequest, "bad_request", bad.Error())
		return
	}
	if err != nil {
		writeError(w, http.StatusBadGateway, "connect_failed", err.Error())
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		server.Close()
		writeError(w, http.StatusInternalServerError, "connect_failed", err.Error())
		return
	}
	if _, err := io.WriteString(conn, tcpAccepted); err != nil {
		server.Close()
		conn.Close()
		return
	}
	forward.Relay(halfClosable(conn), buffered.Reader, server)
}

// halfClosable gives a stream of the channel the method others have for it.
func halfClosable(conn net.Conn) forward.Client {
	if stream, ok := conn.(*yamux.Stream); ok {
		return streamClient{stream}
	}
	return conn
}

type streamClient struct{ *yamux.Stream }

// CloseWrite is what a stream calls Close: what the client still sends can be read.
func (s streamClient) CloseWrite() error { return s.Stream.Close() }
