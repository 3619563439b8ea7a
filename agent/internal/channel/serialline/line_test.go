package serialline

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"net"
	"testing"
	"time"

	"bandsox.dev/agent/internal/channel"
)

// recording is a raw line of which one direction is a buffer.
type recording struct {
	io.Reader
	io.Writer
}

func (recording) SetDeadline(time.Time) error { return nil }

// sentBy is what a line writes for a handshake message and payloads.
func sentBy(t testing.TB, message string, payloads ...string) []byte {
	t.Helper()
	var wire bytes.Buffer
	line := NewGuest(recording{nil, &wire}, nil)
	if err := line.WriteSync([]byte(message)); err != nil {
		t.Fatal(err)
	}
	for _, payload := range payloads {
		if _, err := line.Write([]byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	return wire.Bytes()
}

// delivered is what a line makes of bytes: the payloads, and "LOST" for each loss.
func delivered(t testing.TB, wire []byte) []string {
	t.Helper()
	line := NewGuest(recording{bytes.NewReader(wire), io.Discard}, func() {})
	buffer := make([]byte, PayloadLimit)
	var got []string
	for {
		n, err := line.Read(buffer)
		switch {
		case err == io.EOF:
			return got
		case errors.Is(err, channel.ErrLost):
			got = append(got, "LOST")
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, string(buffer[:n]))
		}
	}
}

// checkOutcome demands of a damaged session what the session after it needs: it is a prefix of what was sent, ended by
// a loss if it is not all of it, and the next session is whole.
func checkOutcome(t testing.TB, got []string, first, second []string) {
	t.Helper()
	if len(got) < len(second) || !equal(got[len(got)-len(second):], second) {
		t.Fatalf("the next session got %q", got)
	}
	rest := got[:len(got)-len(second)]
	if len(rest) > 0 && rest[len(rest)-1] == "LOST" {
		rest = rest[:len(rest)-1]
	}
	if len(rest) > len(first) || !equal(rest, first[:len(rest)]) {
		t.Fatalf("the damaged session got %q", got)
	}
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

var (
	firstSession  = []string{"hello-1", "one", "two\x00two", "three"}
	secondSession = []string{"hello-2", "four", "five"}
)

func bothSessions(t testing.TB) (wire []byte, boundary int) {
	wire = sentBy(t, firstSession[0], firstSession[1:]...)
	return append(wire, sentBy(t, secondSession[0], secondSession[1:]...)...), len(wire)
}

func TestGarbageAtAnyPositionNeverReachesASession(t *testing.T) {
	wire, boundary := bothSessions(t)
	record := sentBy(t, "an old record")
	for name, garbage := range map[string][]byte{
		"text": []byte("[  1.0] printk: hello\r\n"), "zeros": make([]byte, 40), "a zero": {0}, "one byte": {7},
		"much": bytes.Repeat([]byte{3}, 3*recordSize), "half a record": record[:len(record)-4],
	} {
		for at := range boundary + 1 {
			damaged := append(append(bytes.Clone(wire[:at]), garbage...), wire[at:]...)
			t.Run(name, func(t *testing.T) { checkOutcome(t, delivered(t, damaged), firstSession, secondSession) })
		}
	}
}

func TestGarbageBetweenRecordsCostsNothing(t *testing.T) {
	wire := append([]byte("boot messages\r\n"), sentBy(t, "hello", "a", "b")...)
	if got := delivered(t, wire); !equal(got, []string{"hello", "a", "b"}) {
		t.Errorf("got %q", got)
	}
}

func TestLostAndChangedBytesAreNeverDelivered(t *testing.T) {
	wire, boundary := bothSessions(t)
	for at := range boundary {
		checkOutcome(t, delivered(t, append(bytes.Clone(wire[:at]), wire[at+1:]...)), firstSession, secondSession)
		changed := bytes.Clone(wire)
		changed[at] ^= 1 << (at % 8)
		checkOutcome(t, delivered(t, changed), firstSession, secondSession)
		checkOutcome(t, delivered(t, append(bytes.Clone(wire[:at]), wire[boundary:]...)), firstSession, secondSession)
	}
}

func TestAHandshakeEndsTheSessionBefore(t *testing.T) {
	wire, _ := bothSessions(t)
	want := append(append([]string{}, firstSession...), "LOST")
	if got := delivered(t, wire); !equal(got, append(want, secondSession...)) {
		t.Errorf("got %q", got)
	}
}

func FuzzDamage(f *testing.F) {
	f.Add([]byte("garbage"), uint16(20), uint8(3))
	f.Add([]byte{0, 1, 0}, uint16(0), uint8(0))
	f.Fuzz(func(t *testing.T, garbage []byte, at uint16, dropped uint8) {
		wire, boundary := bothSessions(t)
		from := int(at) % (boundary + 1)
		to := min(from+int(dropped), boundary)
		damaged := append(append(bytes.Clone(wire[:from]), garbage...), wire[to:]...)
		checkOutcome(t, delivered(t, damaged), firstSession, secondSession)
	})
}

func TestEveryByteAndLengthPasses(t *testing.T) {
	sent := make([]byte, 3*PayloadLimit+17)
	rand.New(rand.NewSource(1)).Read(sent)
	for b := range 256 {
		sent[b] = byte(b)
	}
	got := ""
	for _, piece := range delivered(t, sentBy(t, "", string(sent))) {
		got += piece
	}
	if got != string(sent) {
		t.Errorf("got %d of %d bytes", len(got), len(sent))
	}
}

// linePair is a host and a guest whose raw lines are in the test's hands.
func linePair(t *testing.T) (host, guest *Line, hostRaw, guestRaw net.Conn) {
	t.Helper()
	hostRaw, hostFar := net.Pipe()
	guestRaw, guestFar := net.Pipe()
	host, guest = NewHost(hostRaw), NewGuest(guestRaw, func() {})
	t.Cleanup(func() { host.Stop(); hostRaw.Close(); guestRaw.Close(); hostFar.Close(); guestFar.Close() })
	return host, guest, hostFar, guestFar
}

func TestALastRecordThatIsLostEndsTheHostsSession(t *testing.T) {
	for name, lose := range map[string]func(host, guest *Line){
		"towards the guest": func(host, _ *Line) { host.Write([]byte("lost")) },
		"towards the host":  func(_, guest *Line) { guest.Write([]byte("lost")) },
	} {
		t.Run(name, func(t *testing.T) {
			host, guest, hostFar, guestFar := linePair(t)
			go host.WriteSync([]byte("ask"))
			pass(t, hostFar, guestFar, guest, "ask")
			go guest.WriteSync([]byte("answer"))
			pass(t, guestFar, hostFar, host, "answer")

			go lose(host, guest)
			lost := hostFar
			if name == "towards the host" {
				lost = guestFar
			}
			lost.Read(make([]byte, 1000))
			if name == "towards the host" {
				go hostFar.Write([]byte("what is left of it\x00"))
			}
			go guest.Read(make([]byte, 100)) // answers the probe
			failed := make(chan error, 1)
			go func() {
				_, err := host.Read(make([]byte, 100))
				failed <- err
			}()
			go io.Copy(guestFar, hostFar)
			go io.Copy(hostFar, guestFar)
			select {
			case err := <-failed:
				if !errors.Is(err, channel.ErrLost) {
					t.Errorf("got %v", err)
				}
			case <-time.After(4 * probeAfter):
				t.Error("nobody notices")
			}
		})
	}
}

// pass carries one record from a raw line to another and has it read.
func pass(t *testing.T, from, to net.Conn, reader *Line, want string) {
	t.Helper()
	wire := make([]byte, 1000)
	n, err := from.Read(wire)
	if err != nil {
		t.Fatal(err)
	}
	go to.Write(wire[:n])
	got := make([]byte, 100)
	n, err = reader.Read(got)
	if err != nil || string(got[:n]) != want {
		t.Fatalf("got %q, %v", got[:n], err)
	}
}

func TestAGuestThatEndsItsSessionTellsTheHost(t *testing.T) {
	host, guest, hostFar, guestFar := linePair(t)
	go host.WriteSync([]byte("ask"))
	pass(t, hostFar, guestFar, guest, "ask")
	go guest.WriteSync([]byte("answer"))
	pass(t, guestFar, hostFar, host, "answer")
	go guest.AwaitSync()
	go io.Copy(hostFar, guestFar)
	if _, err := host.Read(make([]byte, 100)); !errors.Is(err, channel.ErrLost) {
		t.Errorf("got %v", err)
	}
}
