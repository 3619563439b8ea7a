// Package launch starts supervisors for a process that is too large to fork for each of them: a fork copies the page tables
// of the whole process, which takes a program of some hundred MiB tens of milliseconds in which it does nothing else.
package launch

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// maxLine bounds a line of either side, in bytes.
const maxLine = 1 << 20

// request is what the launcher is asked for, one JSON object a line.
type request struct {
	// ID names a supervisor; it is new where Config is set
	ID int `json:"id"`
	// Config is the absolute path of the configuration a supervisor is started with
	Config string `json:"config"`
	// Signal is sent to the supervisor
	Signal syscall.Signal `json:"signal"`
	// Leave tells that nothing more of the supervisor is wanted
	Leave bool `json:"leave"`
}

// answer is what the launcher tells, one JSON object a line: an event, the last of which is the end.
type answer struct {
	ID int `json:"id"`
	// Event is a line of the supervisor's
	Event json.RawMessage `json:"event,omitempty"`
	// Ended is how the supervisor ended, or why it did not start
	Ended string `json:"ended,omitempty"`
}

// launcher starts supervisors. They outlive it.
type launcher struct {
	program string
	mu      sync.Mutex // of all below
	out     *json.Encoder
	running map[int]*supervisor
}

type supervisor struct {
	process *os.Process
	events  *os.File
}

// Run serves requests until there are no more, and returns the exit status of this process. The program is what a
// configuration is given to.
func Run(program string, in io.Reader, out io.Writer) int {
	l := &launcher{program: program, out: json.NewEncoder(out), running: map[int]*supervisor{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintf(os.Stderr, "supervise: %.200q is no request: %v\n", lines.Text(), err)
			return 2
		}
		l.serve(asked)
	}
	return 0
}

func (l *launcher) serve(asked request) {
	if asked.Config != "" {
		if err := l.start(asked.ID, asked.Config); err != nil {
			l.tell(answer{ID: asked.ID, Ended: err.Error()})
		}
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.running[asked.ID]
	if found == nil {
		return // it has ended, which was told
	}
	if asked.Signal != 0 {
		found.process.Signal(asked.Signal)
	}
	if asked.Leave {
		found.events.Close()
	}
}

// start starts a supervisor in a session of its own, in the directory of its configuration.
func (l *launcher) start(id int, config string) error {
	events, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	command := exec.Command(l.program, config)
	command.Dir = filepath.Dir(config)
	command.Stdout = theirs
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = command.Start()
	theirs.Close()
	if err != nil {
		events.Close()
		return err
	}
	l.mu.Lock()
	l.running[id] = &supervisor{command.Process, events}
	l.mu.Unlock()
	go l.follow(id, command, events)
	return nil
}

// follow tells what a supervisor says, and then its end.
func (l *launcher) follow(id int, command *exec.Cmd, events *os.File) {
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if json.Valid(lines.Bytes()) {
			l.tell(answer{ID: id, Event: lines.Bytes()})
		}
	}
	command.Wait()
	l.mu.Lock()
	delete(l.running, id)
	l.mu.Unlock()
	events.Close()
	l.tell(answer{ID: id, Ended: command.ProcessState.String()})
}

func (l *launcher) tell(what answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out.Encode(what) // whoever does not listen any more has closed our input, too
}
