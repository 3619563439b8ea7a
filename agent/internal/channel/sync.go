package channel

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"time"
)

// A session starts with an exchange that nothing else on the channel can imitate:
//
//	host → guest   "BSXSYNC\x01"  nonce (16 bytes)
//	guest → host   "BSXSYNA\x01"  the same nonce
//
// Everything before a magic is what an earlier session left behind and is discarded.
const (
	requestMagic = "BSXSYNC\x01"
	answerMagic  = "BSXSYNA\x01"
	nonceSize    = 16
	syncSize     = len(requestMagic) + nonceSize
)

const syncRepeatAfter = time.Second

// fillAfter is how many requests a guest takes without an answer before it is thought to be in the middle of a frame; one that
// is only slow would have to read that much more.
const fillAfter = 2

type nonce [nonceSize]byte

func newNonce() nonce {
	var n nonce
	rand.Read(n[:])
	return n
}

// scanner finds a magic and the nonce behind it in a byte stream that may be cut anywhere: after a read error the
// next call goes on where the last one stopped.
type scanner struct {
	magic   string
	matched int
	nonce   nonce
	filled  int
}

func (s *scanner) next(r *bufio.Reader) (nonce, error) {
	for {
		found, err := s.scan(r)
		if !errors.Is(err, ErrLost) {
			return found, err
		}
		s.matched, s.filled = 0, 0
	}
}

func (s *scanner) scan(r *bufio.Reader) (nonce, error) {
	for s.matched < len(s.magic) {
		b, err := r.ReadByte()
		if err != nil {
			return nonce{}, err
		}
		// The first byte of a magic occurs nowhere else in it, so no other restart point can be missed.
		switch b {
		case s.magic[s.matched]:
			s.matched++
		case s.magic[0]:
			s.matched = 1
		default:
			s.matched = 0
		}
	}
	for s.filled < nonceSize {
		n, err := r.Read(s.nonce[s.filled:])
		s.filled += n
		if err != nil {
			return nonce{}, err
		}
	}
	s.matched, s.filled = 0, 0
	return s.nonce, nil
}

// AnswerSync is the guest's side: it discards input up to a request and answers it. Of requests that have piled up
// only the last one is answered, because it is the only one the host still waits for.
func (l *Link) AnswerSync() error {
	if err := l.transport.SetDeadline(time.Time{}); err != nil {
		return err
	}
	if err := l.awaitSync(); err != nil {
		return err
	}
	requests := scanner{magic: requestMagic}
	asked, err := requests.next(l.reader)
	if err != nil {
		return err
	}
	for l.atRequest() && l.reader.Buffered() >= syncSize {
		if asked, err = requests.next(l.reader); err != nil {
			return err
		}
	}
	return l.writeSync(append([]byte(answerMagic), asked[:]...))
}

// atRequest tells whether the bytes read next are a request of the host, as far as they are known without reading.
func (l *Link) atRequest() bool {
	if l.reader.Buffered() < len(requestMagic) {
		return false
	}
	head, _ := l.reader.Peek(len(requestMagic))
	return string(head) == requestMagic
}

// RequestSync is the host's side: it returns when the guest has answered the latest nonce. It asks again every second,
// unless the guest has not even taken the previous request, and then so that one in the middle of a frame hears it too. It ends with an error only when the transport does.
func (l *Link) RequestSync() error {
	if err := l.awaitSync(); err != nil {
		return err
	}
	answers := scanner{magic: answerMagic}
	for times := 0; ; times++ {
		if times == fillAfter {
			l.fill()
		}
		asked := newNonce()
		if err := l.request(asked); err != nil {
			return err
		}
		answered, err := l.awaitAnswer(&answers, asked)
		if err != nil {
			return err
		}
		if answered {
			return l.transport.SetDeadline(time.Time{})
		}
	}
}

// request asks the guest to answer, unless it stands still.
func (l *Link) request(asked nonce) (err error) {
	l.outgoing.begin(nil)
	rest := l.outgoing.torn
	defer func() { l.outgoing.end(rest) }()
	if err := l.transport.SetDeadline(time.Now().Add(syncRepeatAfter)); err != nil {
		return err
	}
	rest, err = l.writeRest()
	if err == nil {
		err = l.writeSync(append([]byte(requestMagic), asked[:]...))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil // the rest goes before the next request
	}
	return err
}

// fill makes what follows the rest of whatever frame a host that is no more has left the guest in: longer than the body of
// any, and no frame begins like it. One that was left within the twelve bytes of a header stays lost.
func (l *Link) fill() {
	if _, aware := l.transport.(sessionTransport); aware {
		return
	}
	l.outgoing.mu.Lock()
	defer l.outgoing.mu.Unlock()
	l.outgoing.torn = append(l.outgoing.torn, bytes.Repeat([]byte{0xff}, guestWindow+frameHeaderSize)...)
}

func (l *Link) awaitAnswer(answers *scanner, asked nonce) (bool, error) {
	for {
		got, err := answers.next(l.reader)
		switch {
		case err == nil && got == asked:
			return true, nil
		case err == nil:
			continue
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return false, err
		case Unsent(l.transport) == 0:
			return false, nil
		}
		if err := l.transport.SetDeadline(time.Now().Add(syncRepeatAfter)); err != nil {
			return false, err
		}
	}
}
