// Package serialline makes a serial line fit for sessions. Any process of the guest, and its kernel, may write to the
// line at any moment; so it carries checked and numbered records, and what is not one is dropped. PROTOCOL.md §2.1 is
// its contract.
package serialline

import (
	"bufio"
	"sync"
	"syscall"
	"time"

	"bandsox.dev/agent/internal/channel"
)

// readSize is how much is read of the line at once, in bytes.
const readSize = 64 << 10

// Line is a channel.Transport over a raw line. What it delivers is exactly what the other side wrote, from a handshake
// on and up to a loss, which Read tells as channel.ErrLost; then nothing until the next handshake.
type Line struct {
	raw       channel.Transport
	onGarbage func()
	prober    *prober // the host's; nil in a guest

	writing sync.Mutex
	next    uint32 // number of the record written next
	out     []byte

	reader   *bufio.Reader
	partial  []byte // of the record being read
	overlong bool   // the record being read is none: it exceeds the limit
	whole    bool   // in step since the last handshake
	expected uint32 // number of the record read next
	unread   []byte
	atSync   bool // unread is a message of a handshake
}

func newLine(raw channel.Transport) *Line {
	return &Line{raw: raw, reader: bufio.NewReaderSize(raw, readSize), partial: make([]byte, 0, encodedSize(recordSize)),
		out: make([]byte, 0, encodedSize(recordSize))}
}

// NewGuest is the guest's end. onGarbage is called when something else than a record has arrived, from Read.
func NewGuest(raw channel.Transport, onGarbage func()) *Line {
	l := newLine(raw)
	l.onGarbage = onGarbage
	return l
}

// NewHost is the host's end; Stop frees it.
func NewHost(raw channel.Transport) *Line {
	l := newLine(raw)
	l.prober = newProber(l.probe)
	l.onGarbage = l.prober.doubt
	return l
}

// Stop ends the host's probing.
func (l *Line) Stop() { l.prober.stop() }

// SetDeadline bounds reads and writes of the raw line.
func (l *Line) SetDeadline(t time.Time) error { return l.raw.SetDeadline(t) }

// SyscallConn is the raw line's, to look at its queue.
func (l *Line) SyscallConn() (syscall.RawConn, error) {
	if conn, ok := l.raw.(syscall.Conn); ok {
		return conn.SyscallConn()
	}
	return nil, syscall.ENOTSUP
}

// Write sends bytes of the session.
func (l *Line) Write(p []byte) (int, error) {
	if l.prober != nil {
		defer l.prober.doubt()
	}
	written := 0
	for written < len(p) {
		piece := p[written:min(len(p), written+PayloadLimit)]
		if err := l.send(kindData, piece); err != nil {
			return written, err
		}
		written += len(piece)
	}
	return written, nil
}

// AwaitSync drops everything up to the next handshake. The host has to ask for it, so the guest says that it waits.
func (l *Line) AwaitSync() error {
	if l.atSync {
		return nil // it is what ended the session before
	}
	l.whole, l.unread = false, nil
	if l.prober != nil {
		return nil
	}
	return l.send(kindStatus, reply(nil, false))
}

// WriteSync sends a message of the handshake, at most PayloadLimit bytes.
func (l *Line) WriteSync(message []byte) error { return l.send(kindSync, message) }

func (l *Line) send(k kind, payload []byte) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.out = appendRecord(l.out[:0], record{k, l.next, payload})
	if k == kindData || k == kindSync {
		l.next++ // also when writing fails: then the other side has to notice
	}
	_, err := l.raw.Write(l.out)
	return err
}

func (l *Line) probe(mark uint32) {
	if channel.Unsent(l.raw) == 0 {
		l.send(kindProbe, question(mark)) // what fails is asked again
	}
}

// Read delivers the next bytes of the session or of a handshake.
func (l *Line) Read(p []byte) (int, error) {
	for len(l.unread) == 0 {
		r, err := l.receive()
		if err != nil {
			return 0, err
		}
		if err := l.take(r); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.unread)
	l.unread, l.atSync = l.unread[n:], false
	return n, nil
}

// take does what a record is for.
func (l *Line) take(r record) error {
	wasWhole := l.whole
	if r.kind == kindSync {
		l.whole, l.expected, l.unread, l.atSync = true, r.number+1, r.payload, true
		return lostIf(wasWhole) // ends the session before; the message is read next
	}
	l.whole = l.whole && r.number == l.expected
	isHost := l.prober != nil
	switch {
	case r.kind == kindData && l.whole:
		l.expected++
		l.unread = r.payload
	case r.kind == kindProbe && !isHost:
		if err := l.send(kindStatus, reply(r.payload, l.whole)); err != nil {
			return err
		}
	case r.kind == kindStatus && isHost:
		mark, whole, ok := parseReply(r.payload)
		l.whole = l.whole && ok && whole
		if ok {
			l.prober.answered(mark)
		}
	case r.kind != kindData: // of the other direction: this side does not serve it
		l.whole = false
	}
	return lostIf(wasWhole && !l.whole)
}

func lostIf(lost bool) error {
	if lost {
		return channel.ErrLost
	}
	return nil
}

// receive reads up to the next valid record.
func (l *Line) receive() (record, error) {
	for {
		encoded, err := l.untilDelimiter()
		if err != nil {
			return record{}, err
		}
		if len(encoded) == 0 {
			continue // between two records
		}
		r, err := parseRecord(encoded)
		if err == nil {
			return r, nil
		}
		l.onGarbage()
	}
}

// untilDelimiter returns what comes before the next delimiter, cut off where it is too long for a record. After an error
// the next call goes on where this one stopped.
func (l *Line) untilDelimiter() ([]byte, error) {
	for {
		piece, err := l.reader.ReadSlice(delimiter)
		ended := err == nil
		if ended {
			piece = piece[:len(piece)-1]
		}
		if l.overlong = l.overlong || len(l.partial)+len(piece) > cap(l.partial); !l.overlong {
			l.partial = append(l.partial, piece...)
		}
		if err != nil && err != bufio.ErrBufferFull {
			return nil, err
		}
		if !ended {
			continue
		}
		encoded := l.partial
		if l.overlong {
			encoded = []byte{1} // is no record, whatever came
		}
		l.partial, l.overlong = l.partial[:0], false
		return encoded, nil
	}
}
