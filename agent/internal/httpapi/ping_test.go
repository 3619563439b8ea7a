package httpapi

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"bandsox.dev/agent/internal/frame"
)

// dialPing is a connection that takes pings, of a machine that has no disks yet.
func dialPing(t *testing.T) (net.Conn, io.Reader) {
	t.Helper()
	client := serveAPI(t, &fakeMachine{false}, nil)["HTTP/1.1"] // HTTP/2 has no upgrade
	conn, from, response := dialDuplex(t, client, "GET", "/v1/ping", "")
	if response.StatusCode != 101 {
		t.Fatalf("got %d", response.StatusCode)
	}
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	return conn, from
}

func TestPingsAreAnsweredWithTheirBytes(t *testing.T) {
	conn, from := dialPing(t)
	for _, payload := range [][]byte{{1}, []byte("12345678"), bytes.Repeat([]byte{7}, pingLimit)} {
		conn.Write(frame.Append(nil, frame.Ping, payload))
		got := make([]byte, frame.HeaderSize+len(payload))
		if _, err := io.ReadFull(from, got); err != nil || !bytes.Equal(got, frame.Append(nil, frame.Pong, payload)) {
			t.Fatalf("got %x, %v", got, err)
		}
	}
	// Two, cut in the middle of the second.
	two := append(frame.Append(nil, frame.Ping, []byte("a")), frame.Append(nil, frame.Ping, []byte("b"))...)
	conn.Write(two[:8])
	conn.Write(two[8:])
	got := make([]byte, len(two))
	if _, err := io.ReadFull(from, got); err != nil || got[5] != 'a' || got[11] != 'b' {
		t.Fatalf("got %x, %v", got, err)
	}
}

func TestWhatIsNoPingEndsTheConnection(t *testing.T) {
	for name, bad := range map[string][]byte{
		"another kind": frame.Append(nil, frame.Stdin, []byte("x")),
		"empty":        frame.Append(nil, frame.Ping, nil),
		"too long":     frame.Append(nil, frame.Ping, make([]byte, pingLimit+1)),
		"absurd":       {byte(frame.Ping), 0xff, 0xff, 0xff, 0xff},
	} {
		conn, from := dialPing(t)
		conn.Write(bad)
		if rest, err := io.ReadAll(from); len(rest) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: got %x, %v", name, rest, err)
		}
	}
}

func TestAPingNeedsAnUpgrade(t *testing.T) {
	for name, client := range serveAPI(t, &fakeMachine{true}, nil) {
		if status, answer := call(t, client, "GET", "/v1/ping", ""); status != 400 || answer["code"] != "bad_request" {
			t.Errorf("%s: got %d %v", name, status, answer)
		}
	}
}
