package supervise

import (
	"bytes"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// tapPatience is how long the guest's output waits for whoever reads the channel in it; then it is dropped, which the
// channel notices and mends. A VMM must never wait for its console.
const tapPatience = time.Second

// serialSide is the host's end of a VMM's only serial line, which is its standard input and output: a console, and, when
// that is wanted, a channel among what is printed.
type serialSide struct {
	log      *boundedLog
	input    *os.File // the VMM's standard input
	tap      *os.File // what tapped reads
	tapped   *os.File
	isTapped atomic.Bool
}

func newSerialSide(log *boundedLog) (s *serialSide, stdin *os.File, err error) {
	stdin, input, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	tapped, tap, err := os.Pipe()
	if err != nil {
		stdin.Close()
		input.Close()
		return nil, nil, err
	}
	return &serialSide{log: log, input: input, tap: tap, tapped: tapped}, stdin, nil
}

// fill takes the VMM's output until its end.
func (s *serialSide) fill(source io.Reader) {
	buffer := make([]byte, logReadSize)
	for {
		n, err := source.Read(buffer)
		if s.isTapped.Load() {
			s.split(buffer[:n])
		} else {
			s.log.take(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

// split passes everything on to the channel, and to the log what is text between two delimiters of records.
func (s *serialSide) split(p []byte) {
	s.tap.SetWriteDeadline(time.Now().Add(tapPatience))
	s.tap.Write(p)
	for piece := range bytes.SplitSeq(p, []byte{0}) {
		if isText(piece) {
			s.log.take(piece)
		}
	}
}

// isText tells what people read from the bytes of a record.
func isText(p []byte) bool {
	for _, b := range p {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' && b != 0x1b {
			return false
		}
	}
	return true
}

// open makes the line a channel.
func (s *serialSide) open() { s.isTapped.Store(true) }

func (s *serialSide) Read(p []byte) (int, error)  { return s.tapped.Read(p) }
func (s *serialSide) Write(p []byte) (int, error) { return s.input.Write(p) }

func (s *serialSide) SetDeadline(t time.Time) error {
	if err := s.tapped.SetReadDeadline(t); err != nil {
		return err
	}
	return s.input.SetWriteDeadline(t)
}

// Close ends the channel; the log goes on.
func (s *serialSide) Close() error {
	s.isTapped.Store(false)
	s.input.Close()
	s.tap.Close()
	return s.tapped.Close()
}
