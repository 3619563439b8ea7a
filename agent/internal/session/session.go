// Package session keeps commands that outlive their clients, with the newest of their output (PROTOCOL.md §6).
package session

import (
	"context"
	"encoding/json"
	"sync"
	"syscall"
	"time"

	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/frame"
)

// Bytes of each stream that a session keeps.
const (
	defaultJournal = 4 << 20
	minJournal     = 4 << 10
	maxJournal     = 64 << 20
)

// Spec is what a client asks for.
type Spec struct {
	exec.Command
	JournalBytes *int64 `json:"journalBytes"`
}

var streamNames = [2]string{"stdout", "stderr"}

// Session is one command with its output.
type Session struct {
	id      string
	process *exec.Process
	journal *journal
	started time.Time
	stdin   bool // whether it has, or had, one
	ended   chan struct{}

	mu       sync.Mutex
	terminal *exec.Terminal // nil: pipes
	exit     *exec.Result
	endedAt  time.Time
	viewers  int
}

// Info is what is told of a session; times are milliseconds since 1970.
type Info struct {
	ID        string         `json:"id"`
	Argv      []string       `json:"argv"`
	Cwd       string         `json:"cwd"`
	User      string         `json:"user"`
	Pid       int            `json:"pid"`
	StartedAt int64          `json:"startedAt"`
	EndedAt   *int64         `json:"endedAt,omitempty"`
	Exit      *exec.Result   `json:"exit,omitempty"`
	Terminal  *exec.Terminal `json:"terminal,omitempty"`
	Stdin     string         `json:"stdin"`
	Stdout    Kept           `json:"stdout"`
	Stderr    Kept           `json:"stderr"`
	Viewers   int            `json:"viewers"`
}

func newSession(id string, spec Spec, process *exec.Process) *Session {
	limit := int64(defaultJournal)
	if spec.JournalBytes != nil {
		limit = *spec.JournalBytes
	}
	s := &Session{id: id, process: process, journal: newJournal(limit), started: time.Now(),
		stdin: spec.Stdin || spec.Terminal != nil, ended: make(chan struct{})}
	if spec.Terminal != nil {
		terminal := *spec.Terminal
		s.terminal = &terminal
	}
	return s
}

// run returns when the command has ended.
func (s *Session) run() {
	// A journal takes everything, and the context never ends: there is always a result.
	result, _ := s.process.Deliver(context.Background(), recorder{s.journal})
	s.mu.Lock()
	s.exit, s.endedAt = &result, time.Now()
	s.mu.Unlock()
	s.journal.close()
	close(s.ended)
}

// recorder is a Receiver.
type recorder struct{ journal *journal }

func (r recorder) Take(whole []byte) error {
	r.journal.add(int(frame.Kind(whole[0])-frame.Stdout), whole[frame.HeaderSize:])
	return nil
}

// Info is the session as it is now.
func (s *Session) Info() Info {
	kept := s.journal.kept()
	launched := s.process.Launched
	s.mu.Lock()
	defer s.mu.Unlock()
	info := Info{
		ID: s.id, Argv: launched.Argv, Cwd: launched.Dir, User: launched.User, Pid: launched.Pid,
		StartedAt: s.started.UnixMilli(), Exit: s.exit, Stdin: "none", Stdout: kept[0], Stderr: kept[1],
		Viewers: s.viewers,
	}
	if s.terminal != nil {
		terminal := *s.terminal
		info.Terminal = &terminal
	}
	if s.exit != nil {
		at := s.endedAt.UnixMilli()
		info.EndedAt = &at
	}
	if s.stdin {
		info.Stdin = "closed"
		if s.process.Input().IsOpen() {
			info.Stdin = "open"
		}
	}
	return info
}

// Ended is closed when the command has ended.
func (s *Session) Ended() <-chan struct{} { return s.ended }

// Input is the command's stdin.
func (s *Session) Input() *exec.Input { return s.process.Input() }

// Signal goes to the command's process group.
func (s *Session) Signal(signal syscall.Signal) {
	if signal == syscall.SIGKILL {
		s.process.Kill()
		return
	}
	s.process.Signal(signal)
}

// Resize gives the command's terminal another size; exec.ErrNoTerminal if it has none.
func (s *Session) Resize(size exec.Size) error {
	if s.terminal == nil {
		return exec.ErrNoTerminal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.exit != nil {
		return nil
	}
	if err := s.process.Resize(size); err != nil {
		return err
	}
	s.terminal.Size = size
	return nil
}

// Viewer is who is told what a session does.
type Viewer interface {
	exec.Receiver
	// TakeLast takes the frame after which there are no more.
	TakeLast(whole []byte) error
	// Context ends when the viewer has left.
	Context() context.Context
}

// Show tells the viewer what came since at and what comes, and the exit last.
func (s *Session) Show(viewer Viewer, at Offsets) error {
	s.countViewer(1)
	defer s.countViewer(-1)
	buffer := make([]byte, 0, frame.HeaderSize+pieceSize)
	for {
		entry, found, more, changed := s.journal.next(at)
		if found {
			at[entry.stream] = entry.to
			if err := viewer.Take(entry.frame(buffer)); err != nil {
				return err
			}
			continue
		}
		if !more {
			<-s.ended
			return viewer.TakeLast(exec.ExitFrame(*s.exit))
		}
		select {
		case <-changed:
		case <-viewer.Context().Done():
			return context.Cause(viewer.Context())
		}
	}
}

func (s *Session) countViewer(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewers += by
}

func (e entry) frame(buffer []byte) []byte {
	if e.data != nil {
		return frame.Append(buffer, frame.Stdout+frame.Kind(e.stream), e.data)
	}
	body, err := json.Marshal(struct {
		Stream string `json:"stream"`
		From   int64  `json:"from"`
		To     int64  `json:"to"`
	}{streamNames[e.stream], e.from, e.to})
	if err != nil {
		panic(err) // our own type
	}
	return frame.Append(buffer, frame.Gap, body)
}
