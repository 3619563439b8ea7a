package channel

import (
	"bufio"
	"bytes"
	"io"
	"math/rand"
	"net"
	"os"
	"testing"
	"testing/iotest"
	"time"
)

func message(magic string, n nonce) []byte { return append([]byte(magic), n[:]...) }

func TestScannerFindsANonceBehindGarbage(t *testing.T) {
	want := newNonce()
	for _, garbage := range []string{"", "BSXSYNC", "BSXSYN", "BBSXBSXSYNC\x00", requestMagic[:7] + "B", "\x00\x00BSX"} {
		input := append([]byte(garbage), message(requestMagic, want)...)
		for name, reader := range map[string]io.Reader{
			"whole": bytes.NewReader(input), "byte by byte": iotest.OneByteReader(bytes.NewReader(input)),
		} {
			s := scanner{magic: requestMagic}
			got, err := s.next(bufio.NewReader(reader))
			if err != nil || got != want {
				t.Errorf("%q, %s: got %x, %v", garbage, name, got, err)
			}
		}
	}
}

// pieces returns one piece per read and a timeout between any two.
type pieces struct {
	left    [][]byte
	timeout bool
}

func (p *pieces) Read(b []byte) (int, error) {
	p.timeout = !p.timeout
	if p.timeout {
		return 0, os.ErrDeadlineExceeded
	}
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[0])
	p.left = p.left[1:]
	return n, nil
}

func TestScannerGoesOnAfterATimeoutAnywhere(t *testing.T) {
	want := newNonce()
	input := message(answerMagic, want)
	for cut := range input {
		reader := bufio.NewReader(&pieces{left: [][]byte{input[:cut], input[cut:]}})
		s := scanner{magic: answerMagic}
		for {
			got, err := s.next(reader)
			if err == os.ErrDeadlineExceeded || err == io.ErrNoProgress {
				continue
			}
			if err != nil || got != want {
				t.Fatalf("cut at %d: got %x, %v", cut, got, err)
			}
			break
		}
	}
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte(""), uint8(1))
	f.Add([]byte("BSXSYNC"), uint8(3))
	f.Add([]byte("BSXBSXSYNBSXSYNC\x00"), uint8(2))
	f.Add(message(answerMagic, nonce{1}), uint8(5))
	f.Fuzz(func(t *testing.T, garbage []byte, chunk uint8) {
		if bytes.Contains(append(garbage, requestMagic[:7]...), []byte(requestMagic)) {
			t.Skip("the garbage is a request itself")
		}
		want := nonce{0xb5, 'B', 'S', 'X'}
		input := append(bytes.Clone(garbage), message(requestMagic, want)...)
		reader := bufio.NewReaderSize(bytes.NewReader(input), 16+int(chunk))
		s := scanner{magic: requestMagic}
		got, err := s.next(reader)
		if err != nil || got != want {
			t.Fatalf("got %x, %v", got, err)
		}
	})
}

// socketPair is a channel of two Unix sockets, as between QEMU and a supervisor.
func socketPair(t *testing.T) (host, guest net.Conn) {
	t.Helper()
	listener, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	host, err = net.Dial("unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	guest, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { host.Close(); guest.Close() })
	return host, guest
}

func TestHostAndGuestFindEachOtherThroughGarbageOfAnEarlierSession(t *testing.T) {
	host, guest := socketPair(t)
	garbage := make([]byte, 5000)
	rand.New(rand.NewSource(1)).Read(garbage)
	host.Write(garbage)
	guest.Write(append(garbage, message(answerMagic, newNonce())...))
	answered := make(chan error, 1)
	go func() { answered <- NewLink(guest).AnswerSync() }()
	if err := NewLink(host).RequestSync(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
}

func TestGuestAnswersTheLastOfPiledUpRequests(t *testing.T) {
	host, guest := socketPair(t)
	last := newNonce()
	host.Write(append(message(requestMagic, newNonce()), message(requestMagic, last)...))
	if err := NewLink(guest).AnswerSync(); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, syncSize)
	if _, err := io.ReadFull(host, answer); err != nil || !bytes.Equal(answer, message(answerMagic, last)) {
		t.Fatalf("got %q, %v", answer, err)
	}
}

func TestHostAsksAgainOnlyWhenTheRequestWasTaken(t *testing.T) {
	host, guest := socketPair(t)
	go NewLink(host).RequestSync()
	time.Sleep(syncRepeatAfter + syncRepeatAfter/2)
	pending := make([]byte, 4096)
	n, err := guest.Read(pending)
	if err != nil || n != syncSize {
		t.Fatalf("%d bytes are waiting, %v", n, err)
	}
	guest.SetReadDeadline(time.Now().Add(2 * syncRepeatAfter))
	if n, err = guest.Read(pending); err != nil || n != syncSize {
		t.Fatalf("the repetition has %d bytes, %v", n, err)
	}
	// The one after it comes behind more than any frame that a guest may be in the middle of.
	guest.SetReadDeadline(time.Now().Add(2 * syncRepeatAfter))
	third := make([]byte, guestWindow+frameHeaderSize+syncSize)
	if _, err = io.ReadFull(guest, third); err != nil || !bytes.HasPrefix(third[len(third)-syncSize:], []byte(requestMagic)) {
		t.Fatalf("the third: %v", err)
	}
	guest.SetReadDeadline(time.Now().Add(2 * syncRepeatAfter))
	if n, err = guest.Read(third); err != nil || n != syncSize {
		t.Fatalf("the fourth has %d bytes, %v", n, err)
	}
}
