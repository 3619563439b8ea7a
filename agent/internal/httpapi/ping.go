package httpapi

import (
	"encoding/binary"
	"io"
	"net/http"

	"bandsox.dev/agent/internal/frame"
)

var pingRoutes = []route{
	{"GET /v1/ping", "", (*API).ping},
}

// pingLimit is the largest payload of a ping in bytes.
const pingLimit = 64

// ping answers each ping with the same bytes, on a connection that is kept: the least that an answer takes, an HTTP call is
// more than twice as much in an emulated guest. What is no ping ends it.
func (a *API) ping(w http.ResponseWriter, r *http.Request) {
	if !asksForFrames(r) {
		writeError(w, http.StatusBadRequest, "bad_request", "ask with HTTP/1.1 and Upgrade: "+framesUpgrade)
		return
	}
	conn, buffered, err := acceptFrames(w)
	if err != nil {
		return
	}
	defer conn.Close()
	var message [frame.HeaderSize + pingLimit]byte
	for {
		size, err := readPing(buffered, &message)
		if err != nil {
			return
		}
		message[0] = byte(frame.Pong)
		if _, err := conn.Write(message[:size]); err != nil {
			return
		}
	}
}

// readPing reads one whole ping and returns its size.
func readPing(from io.Reader, message *[frame.HeaderSize + pingLimit]byte) (int, error) {
	if _, err := io.ReadFull(from, message[:frame.HeaderSize]); err != nil {
		return 0, err
	}
	length := binary.BigEndian.Uint32(message[1:])
	if frame.Kind(message[0]) != frame.Ping || length == 0 || length > pingLimit {
		return 0, frame.ErrInvalid
	}
	size := frame.HeaderSize + int(length)
	_, err := io.ReadFull(from, message[frame.HeaderSize:size])
	return size, err
}
