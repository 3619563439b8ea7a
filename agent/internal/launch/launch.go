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
	"os/signal"
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
	pid    int
	events *os.File
	ended  chan syscall.WaitStatus // receives once, when it was collected: its pid is not its own any more
}

// Run serves requests until there are no more, and returns the exit status of this process. The program is what a
// configuration is given to.
func Run(program string, in io.Reader, out io.Writer) int {
	l := &launcher{program: program, out: json.NewEncoder(out), running: map[int]*supervisor{}}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	defer signal.Stop(children)
	go func() {
		for range children {
			l.collect()
		}
	}()
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
		syscall.Kill(found.pid, asked.Signal)
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
	l.mu.Lock() // it is collected only when it is known
	err = command.Start()
	theirs.Close()
	if err != nil {
		l.mu.Unlock()
		events.Close()
		return err
	}
	started := &supervisor{command.Process.Pid, events, make(chan syscall.WaitStatus, 1)}
	command.Process.Release()
	l.running[id] = started
	l.mu.Unlock()
	go l.follow(id, started)
	return nil
}

// collect collects who has ended. One wait for all of them: a wait for each would hold a thread for each.
func (l *launcher) collect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, one := range l.running {
		var status syscall.WaitStatus
		if pid, err := syscall.Wait4(one.pid, &status, syscall.WNOHANG, nil); err == nil && pid == one.pid {
			delete(l.running, id)
			one.ended <- status
		}
	}
}

// follow tells what a supervisor says, and then its end.
func (l *launcher) follow(id int, one *supervisor) {
	lines := bufio.NewScanner(one.events)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if json.Valid(lines.Bytes()) {
			l.tell(answer{ID: id, Event: lines.Bytes()})
		}
	}
	status := <-one.ended
	one.events.Close()
	l.tell(answer{ID: id, Ended: describe(status)})
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal: " + status.Signal().String()
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}

func (l *launcher) tell(what answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out.Encode(what) // whoever does not listen any more has closed our input, too
}
