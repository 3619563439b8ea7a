package supervise

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// requestLimit bounds one control request, in bytes.
const requestLimit = 64 << 10

// control lets other processes of this user pause, resume and save the VMM: one JSON request a line on controlSocket,
// one JSON answer. Requests are carried out one after the other, whoever asks, and to their end even if the asker dies:
// a guest that was paused for a save goes on.
type control struct {
	listener net.Listener
	machine  *steady
	dog      *watchdog
	relay    *relay
	mu       sync.Mutex // held for the time of one request
	running  sync.WaitGroup
	open     connections
}

type request struct {
	Action string `json:"action"`
	// MiB is how much memory is to be taken from the guest
	MiB int64 `json:"mib"`
	saveRequest
}

// response to a request; Error is empty when it was carried out.
type response struct {
	Error string `json:"error,omitempty"`
	// Warning is what went wrong without hindering what was asked
	Warning  string    `json:"warning,omitempty"`
	Status   string    `json:"status,omitempty"`
	PausedMs float64   `json:"pausedMs,omitempty"`
	Bytes    int64     `json:"bytes,omitempty"`
	Idle     *idleness `json:"idle,omitempty"`
	Measures *measures `json:"measures,omitempty"`
}

func listenControl(path string, machine machine, guarded guarded) (*control, error) {
	listener, err := listenPrivate(path)
	if err != nil {
		return nil, err
	}
	dog := guarded.dog
	c := &control{listener: listener, machine: &steady{machine: machine, channel: &guarded.relay.holder}, dog: dog, relay: guarded.relay}
	dog.pause, dog.resume, dog.paused = c.pause, c.wake, c.paused
	c.running.Go(c.serve)
	return c, nil
}

func (c *control) serve() {
	for {
		conn, err := acceptPatiently(c.listener)
		if err != nil {
			return
		}
		if !c.open.add(conn) {
			conn.Close()
			return
		}
		c.running.Go(func() {
			defer c.open.remove(conn)
			c.converse(conn)
		})
	}
}

func (c *control) converse(conn net.Conn) {
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, 1024), requestLimit)
	for lines.Scan() {
		reply := c.carryOut(lines.Bytes())
		body, err := json.Marshal(reply)
		if err != nil {
			panic(err) // our own types
		}
		if _, err := conn.Write(append(body, '\n')); err != nil {
			return
		}
	}
}

func (c *control) carryOut(line []byte) response {
	var wanted request
	if err := json.Unmarshal(line, &wanted); err != nil {
		return response{Error: "the request is not JSON: " + err.Error()}
	}
	switch wanted.Action { // these wait for nobody
	case "limits":
		c.dog.ask()
		return response{}
	case "idle":
		seen := c.dog.idleness()
		return response{Idle: &seen}
	case "measure": // not even for a save: what takes as long is answered by an error
		found, err := c.machine.measure()
		if err != nil {
			return response{Error: err.Error()}
		}
		return response{Measures: found}
	case "reconnect":
		c.relay.breakOff()
		return response{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	reply, err := c.act(wanted)
	if err != nil {
		return response{Error: err.Error()}
	}
	return reply
}

func (c *control) act(wanted request) (response, error) {
	switch wanted.Action {
	case "pause":
		return response{}, c.machine.pause()
	case "resume":
		warning, err := c.resume()
		return response{Warning: warning}, err
	case "status":
		status, err := c.machine.status()
		return response{Status: status}, err
	case "reclaim":
		return response{}, c.machine.reclaim(wanted.MiB)
	case "save":
		return c.save(wanted.saveRequest)
	}
	return response{}, fmt.Errorf("there is no action %q", wanted.Action)
}

// pause is the watchdog's own; what it waits for is the request being carried out.
func (c *control) pause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.machine.pause()
}

// wake is the watchdog's own, too.
func (c *control) wake() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.resume()
	return err
}

// paused is whether the guest stands still, as far as the VMM says.
func (c *control) paused() bool {
	status, err := c.machine.status()
	return err == nil && status == statusPaused
}

// resume lets the guest go on, and forgets that it stood still because of a limit.
func (c *control) resume() (warning string, err error) {
	if err := os.Remove(c.dog.config.EnforcedFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	c.dog.awake()
	return c.machine.resume()
}

// save writes the whole machine as it is at one moment. What can be done while the guest runs is done before.
func (c *control) save(wanted saveRequest) (response, error) {
	work, err := c.machine.begin(wanted)
	if err != nil {
		return response{}, err
	}
	defer work.close()
	before, err := c.machine.status()
	if err != nil {
		return response{}, err
	}
	if err := c.machine.pause(); err != nil {
		return response{}, err
	}
	bytes, err := work.finish()
	took := time.Since(c.machine.since)
	var warning string
	if before == statusRunning {
		var resumeErr error
		warning, resumeErr = c.machine.resume()
		if err == nil {
			err = resumeErr
		}
	}
	if err == nil {
		err = work.settle()
	}
	return response{Warning: warning, PausedMs: float64(took.Microseconds()) / 1000, Bytes: bytes}, err
}

// close refuses further requests and waits for the one being carried out. The VMM has ended by then, so none lasts.
func (c *control) close() {
	c.listener.Close()
	c.open.closeAll()
	c.machine.close()
	c.running.Wait()
}

// connections are what has to be closed in the end.
type connections struct {
	mu    sync.Mutex
	ended bool
	all   map[io.Closer]bool
}

func (c *connections) add(conn io.Closer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	if c.all == nil {
		c.all = map[io.Closer]bool{}
	}
	c.all[conn] = true
	return true
}

func (c *connections) remove(conn io.Closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, conn)
	conn.Close()
}

func (c *connections) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for conn := range c.all {
		conn.Close()
	}
}
