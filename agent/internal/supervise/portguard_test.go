package supervise

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"bandsox.dev/agent/internal/channel/serialline"
	"bandsox.dev/agent/internal/qmp"
)

// guardedRelay is a relay whose port may be given up for a serial line.
type guardedRelay struct {
	*testRelay
	guard    *portGuard
	standing atomic.Bool
	reasons  chan string
	// theirs is the guest's end of the line
	theirs *lineEnd
}

// lineEnd is the VMM's end of a serial side: its standard input and what takes its output.
type lineEnd struct {
	*os.File
	side *serialSide
}

func (l *lineEnd) Write(p []byte) (int, error) {
	l.side.split(p)
	return len(p), nil
}

func startGuarded(t *testing.T) *guardedRelay {
	t.Helper()
	log, err := openLog(filepath.Join(t.TempDir(), "console.log"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	line, stdin, err := newSerialSide(log)
	if err != nil {
		t.Fatal(err)
	}
	g := &guardedRelay{reasons: make(chan string, 2), theirs: &lineEnd{stdin, line}}
	g.testRelay = startRelayWith(t, VirtioSerial, func(relay *relay) {
		g.guard = newPortGuard(FallbackConfig{"transport.json", 100}, line)
		g.guard.closing = 50 * time.Millisecond
		g.guard.standing = g.standing.Load
		g.guard.record = func(reason string) { g.reasons <- reason }
		g.guard.breakOff = relay.breakOff
		relay.guard = g.guard
	})
	t.Cleanup(func() { stdin.Close(); line.Close(); log.close() })
	return g
}

func (g *guardedRelay) serialGuest() { g.guest(serialline.NewGuest(g.theirs, func() {}), echo) }

func (g *guardedRelay) opened(open bool) {
	data, _ := json.Marshal(map[string]any{"id": portID, "open": open})
	g.guard.onEvent(qmp.Event{Name: "VSERPORT_CHANGE", Data: data})
}

func TestAPortThatIsNeverAnsweredOnGivesWayToTheLine(t *testing.T) {
	g := startGuarded(t)
	g.vmm() // connects, and says nothing
	g.serialGuest()
	client := g.client("CONNECT 52\n")
	accepted(t, client)
	exchange(t, client, 10_000)
	if reason := <-g.reasons; reason != "no answer within 100 ms" {
		t.Errorf("got %q", reason)
	}
}

func TestAGuestThatStandsStillHasTime(t *testing.T) {
	g := startGuarded(t)
	g.standing.Store(true)
	conn := g.vmm()
	time.Sleep(250 * time.Millisecond)
	g.standing.Store(false)
	g.guard.onEvent(qmp.Event{Name: "RESUME"}) // its time begins now
	g.guest(conn, echo)
	accepted(t, g.client("CONNECT 52\n"))
	if len(g.reasons) > 0 {
		t.Error("it was given up")
	}
}

func TestAPortThatTheGuestClosesEndsItsSessionAndGivesWay(t *testing.T) {
	g := startGuarded(t)
	conn := g.vmm()
	g.guest(conn, echo)
	client := g.client("CONNECT 52\n")
	accepted(t, client)
	// From now on nobody in the guest reads the port.
	conn.Close()
	silent := g.vmm()
	defer silent.Close()
	g.opened(false)
	g.serialGuest()
	again := g.client("CONNECT 52\n")
	accepted(t, again)
	exchange(t, again, 10_000)
	if reason := <-g.reasons; reason != "no answer within 50 ms" {
		t.Errorf("got %q", reason)
	}
}

func TestAPortThatIsOpenedAgainInTimeStays(t *testing.T) {
	g := startGuarded(t)
	g.guard.closing = 10 * time.Second
	conn := g.vmm()
	g.guest(conn, echo)
	first := g.client("CONNECT 52\n")
	accepted(t, first)
	g.opened(false)
	io.Copy(io.Discard, first) // its session ends
	g.opened(true)
	client := g.client("CONNECT 52\n")
	accepted(t, client)
	exchange(t, client, 10_000)
	if len(g.reasons) > 0 {
		t.Error("it was given up")
	}
}

func TestEventsOfOthersMeanNothing(t *testing.T) {
	g := startGuarded(t)
	g.guest(g.vmm(), echo)
	client := g.client("CONNECT 52\n")
	accepted(t, client)
	for _, event := range []qmp.Event{{Name: "STOP"}, {Name: "VSERPORT_CHANGE", Data: json.RawMessage(`{"id":"other","open":false}`)},
		{Name: "VSERPORT_CHANGE", Data: json.RawMessage(`7`)}, {Name: "VSERPORT_CHANGE"}} {
		g.guard.onEvent(event)
	}
	exchange(t, client, 10_000)
}
