// Package kmsg follows the kernel's log: it keeps its newest text and the processes that the kernel killed for want of
// memory.
package kmsg

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// TextLimit is how much of the log is kept, in bytes.
	TextLimit = 256 << 10
	// KillLimit is how many kills are kept.
	KillLimit = 64
	// As many records may have been there already; a process that writes to the log can always be ahead of who reads it.
	startLimit = 4096
	// The kernel's bound of one record, in bytes.
	recordLimit = 8 << 10
)

// Kill is a process that the kernel killed for want of memory.
type Kill struct {
	At       int64  `json:"at"` // ms since 1970
	Pid      int    `json:"pid"`
	Name     string `json:"name"`
	RSSBytes int64  `json:"rssBytes"` // when it was killed
	Cgroup   string `json:"cgroup,omitempty"`
}

// Log is what is known of the kernel's log.
type Log struct {
	from     *os.File // nil: nothing is read
	begin    sync.Once
	caughtUp chan struct{} // closed when all is read that was there when reading began

	mu      sync.Mutex
	text    ring
	kills   []Kill
	suspect int // the pid of the newest verdict
	cgroup  string
}

// New is an empty log.
func New() *Log {
	l := &Log{text: ring{limit: TextLimit}, caughtUp: make(chan struct{})}
	close(l.caughtUp)
	return l
}

// Open is the kernel's log from its beginning until the machine ends, once it is followed.
func Open() (*Log, error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open the kernel's log: %w", err)
	}
	l := New()
	l.from, l.caughtUp = os.NewFile(uintptr(fd), "/dev/kmsg"), make(chan struct{})
	return l, nil
}

// Follow begins to read, until the machine ends. Once is enough, and more does no harm.
func (l *Log) Follow() {
	l.begin.Do(func() {
		if l.from != nil {
			go l.follow()
		}
	})
}

// follow takes records, one with each read.
func (l *Log) follow() {
	defer l.from.Close()
	caughtUp := sync.OnceFunc(func() { close(l.caughtUp) })
	defer caughtUp()
	var buffer [recordLimit]byte
	for records := 1; ; records++ {
		n, err := l.read(buffer[:], caughtUp)
		switch {
		case errors.Is(err, unix.EPIPE):
			l.note("[records were overwritten before they could be read]\n")
		case err != nil:
			l.note("[the log cannot be read any more: " + err.Error() + "]\n")
			return
		default:
			l.take(buffer[:n], time.Now(), sinceBoot())
		}
		if records == startLimit {
			caughtUp()
		}
	}
}

// read takes the next record, and calls none where it has to wait for that.
func (l *Log) read(buffer []byte, none func()) (n int, err error) {
	raw, err := l.from.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		for {
			if n, failed = unix.Read(int(fd), buffer); failed != unix.EINTR {
				break
			}
		}
		if failed == unix.EAGAIN {
			none()
		}
		return failed != unix.EAGAIN
	})
	if n == 0 && failed == nil {
		failed = io.EOF
	}
	return n, errors.Join(err, failed)
}

func (l *Log) note(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.add(line)
}

// take keeps one record, read at a moment given as wall clock and as time since boot.
func (l *Log) take(record []byte, now time.Time, uptime time.Duration) {
	e, ok := parseEntry(record)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.add(fmt.Sprintf("[%12.6f] %s\n", e.since.Seconds(), e.text))
	if !e.fromKernel {
		return
	}
	if pid, cgroup, ok := parseVerdict(e.text); ok {
		l.suspect, l.cgroup = pid, cgroup
	}
	if killed, ok := parseKill(e.text); ok {
		at := now.Add(min(0, e.since-uptime))
		l.keep(Kill{At: at.UnixMilli(), Pid: killed.pid, Name: killed.name, RSSBytes: killed.rssBytes})
	}
}

func (l *Log) keep(kill Kill) {
	if kill.Pid == l.suspect {
		kill.Cgroup = l.cgroup
	}
	l.suspect, l.cgroup = 0, ""
	if len(l.kills) == KillLimit {
		l.kills = append(l.kills[:0], l.kills[1:]...)
	}
	l.kills = append(l.kills, kill)
}

// await returns when what the kernel had said before it was followed is known.
func (l *Log) await() {
	l.Follow()
	<-l.caughtUp
}

// Newest is at most n bytes of the log's end, as whole lines with their time since boot in seconds.
func (l *Log) Newest(n int) []byte {
	l.await()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.newest(n)
}

// Kills is the newest kills, the newest last; never nil.
func (l *Log) Kills() []Kill {
	l.await()
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Kill{}, l.kills...)
}

// sinceBoot is the clock of the log's times; it stands still while the machine is paused.
func sinceBoot() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err) // every kernel has this clock
	}
	return time.Duration(now.Nano())
}
