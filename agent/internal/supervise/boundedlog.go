package supervise

import (
	"bytes"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	logReadSize = 64 << 10
	// Bytes of the last line that are remembered.
	lastLineLimit = 512
)

// boundedLog is a file and its predecessor `.1`, which together never exceed a maximum. It drops what it cannot write:
// the writer of a console must never wait for a disk that is full.
type boundedLog struct {
	mu   sync.Mutex // several sources may fill one log
	path string
	half int64
	file *os.File
	size int64
	line []byte // the last line so far, bounded
	last string // the last complete line that is not blank
}

// openLog goes on with an existing log.
func openLog(path string, maxBytes int64) (*boundedLog, error) {
	l := &boundedLog{path: path, half: maxBytes / 2}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *boundedLog) open() error {
	file, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	l.file, l.size = file, info.Size()
	return nil
}

// startedAgain is the line that parts what was logged of one run from what is of the next.
const startedAgain = "\n[bandsox: started again]\n"

// begin parts this run from the one before, if there was one.
func (l *boundedLog) begin() {
	if l.size > 0 {
		l.append([]byte(startedAgain))
	}
}

// fill copies source into the log until its end.
func (l *boundedLog) fill(source io.Reader) {
	buffer := make([]byte, logReadSize)
	for {
		n, err := source.Read(buffer)
		l.take(buffer[:n])
		if err != nil {
			return
		}
	}
}

// take adds bytes to the log.
func (l *boundedLog) take(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remember(p)
	l.append(p)
}

// append fills each file to exactly half the maximum, so that what is kept is always the uninterrupted end of the input.
func (l *boundedLog) append(p []byte) {
	if keep := 2 * l.half; int64(len(p)) > keep {
		p = p[int64(len(p))-keep:]
	}
	for len(p) > 0 {
		if l.size >= l.half {
			l.rotate()
		}
		if l.file == nil {
			return
		}
		piece := p[:min(int64(len(p)), l.half-l.size)]
		n, err := l.file.Write(piece)
		l.size += int64(n)
		if err != nil {
			return
		}
		p = p[len(piece):]
	}
}

// rotate starts a new file. If that is impossible the old one is emptied, or, failing that, no longer written.
func (l *boundedLog) rotate() {
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
	if l.size > l.half || os.Rename(l.path, l.path+".1") != nil {
		os.Remove(l.path)
	}
	if l.open() != nil {
		return
	}
	if l.size > 0 {
		l.file.Close()
		l.file = nil
	}
}

func (l *boundedLog) remember(p []byte) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		part := p
		if end >= 0 {
			part = p[:end]
		}
		l.line = append(l.line, part[:min(len(part), lastLineLimit-len(l.line))]...)
		if end < 0 {
			return
		}
		l.endLine()
		p = p[end+1:]
	}
}

func (l *boundedLog) endLine() {
	if line := bytes.TrimSpace(l.line); len(line) > 0 {
		l.last = printable(line)
	}
	l.line = l.line[:0]
}

// lastLine is the last line that is not blank, whole or not.
func (l *boundedLog) lastLine() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endLine()
	return l.last
}

func (l *boundedLog) close() {
	if l.file != nil {
		l.file.Close()
	}
}

// printable makes bytes of a VMM safe to show: valid text without control characters.
func printable(line []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, string(line))
}
