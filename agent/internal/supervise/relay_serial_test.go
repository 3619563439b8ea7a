package supervise

import (
	"bytes"
	"io"
	"math/rand"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"bandsox.dev/agent/internal/channel/serialline"
)

// tornLine is a guest's line into which somebody else writes while a record is on its way.
type tornLine struct {
	net.Conn
	garbage atomic.Pointer[[]byte]
}

func (l *tornLine) Write(p []byte) (int, error) {
	garbage := l.garbage.Swap(nil)
	if garbage == nil {
		return l.Conn.Write(p)
	}
	half := len(p) / 2
	if _, err := l.Conn.Write(append(append(bytes.Clone(p[:half]), *garbage...), p[half:]...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (r *testRelay) serialGuest() *tornLine {
	line := &tornLine{Conn: r.vmm()}
	r.guest(serialline.NewGuest(line, func() {}), echo)
	return line
}

func TestASerialLineCarriesConnections(t *testing.T) {
	r := startRelayOver(t, Serial)
	r.serialGuest()
	client := r.client("CONNECT 52\n")
	accepted(t, client)
	exchange(t, client, 1<<20)
}

func TestWritersOnASerialLineCostNoMoreThanTheSession(t *testing.T) {
	r := startRelayOver(t, Serial)
	line := r.serialGuest()
	noise := make([]byte, 100_000)
	rand.New(rand.NewSource(1)).Read(noise)
	for _, garbage := range [][]byte{[]byte("[ 1.0] Out of memory\r\n"), {0}, noise} {
		hit := r.client("CONNECT 52\n")
		accepted(t, hit)
		line.garbage.Store(&garbage)
		hit.Write([]byte("its echo is torn"))
		hit.SetReadDeadline(time.Now().Add(5 * time.Second))
		if got, err := io.ReadAll(hit); err != nil || len(got) > 0 {
			t.Fatalf("got %q, %v", got, err)
		}
		next := r.client("CONNECT 52\n")
		accepted(t, next)
		exchange(t, next, 100_000)
	}
}

func TestNoiseBetweenRecordsOfASerialLineDisturbsNobody(t *testing.T) {
	r := startRelayOver(t, Serial)
	line := r.serialGuest()
	client := r.client("CONNECT 52\n")
	accepted(t, client)
	line.Conn.Write([]byte("printk: a line\r\n"))
	exchange(t, client, 100_000)
}
