package supervise

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"bandsox.dev/agent/internal/channel"
)

// FuzzHandshake: a client gets through with the one line there is, and what it sent behind that is not lost.
func FuzzHandshake(f *testing.F) {
	for _, line := range []string{"", "\n", "CONNECT 52\n", "CONNECT 52\nGET / HTTP/1.1", "CONNECT 53\n", "CONNECT 052\n",
		"connect 52\n", strings.Repeat("C", 100), "CONNECT  52\n", "CONNECT 52\r\n"} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		near, far := net.Pipe()
		defer near.Close()
		answered := make(chan struct{})
		go func() {
			far.Write(sent)
			if bytes.Contains(sent, []byte("\n")) {
				<-answered // a pipe that is closed takes no deadlines
			}
			far.Close()
		}()
		early, err := readHandshake(near)
		close(answered)
		behind, isRight := strings.CutPrefix(string(sent), "CONNECT 52\n")
		if (err == nil) != isRight {
			t.Fatalf("%q: %v", sent, err)
		}
		if err != nil {
			return // and the rest of it is not read
		}
		head := make([]byte, early.Buffered())
		io.ReadFull(early, head)
		rest, _ := io.ReadAll(near)
		if got := string(head) + string(rest); got != behind {
			t.Errorf("%q became %q (port %d)", behind, got, channel.AgentPort)
		}
	})
}
