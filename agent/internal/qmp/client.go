// Package qmp speaks QEMU's machine protocol: one JSON object a line, one command at a time.
package qmp

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// lineLimit bounds one line of QEMU's, in bytes.
	lineLimit = 1 << 20
	// answerTimeout bounds one command; the slowest writes device state to a disk.
	answerTimeout = 30 * time.Second
)

// Client is a connection to one QEMU. After an error of the connection every call fails.
type Client struct {
	conn    net.Conn
	onEvent func(Event)
	answers chan message
	ended   chan struct{} // closed when nothing more is read
	failure error         // why; written before ended is closed

	mu      sync.Mutex // one command at a time; of what follows
	greeted bool
	broken  error
}

// Event is what QEMU tells without being asked, once a first command was executed.
type Event struct {
	Name string
	Data json.RawMessage
}

// New uses a connection to QEMU's monitor. Events are told one after the other; while onEvent works no answer is read.
func New(conn net.Conn, onEvent func(Event)) *Client {
	c := &Client{conn: conn, onEvent: onEvent, answers: make(chan message, 1), ended: make(chan struct{})}
	go c.read()
	return c
}

// Error is a command QEMU refused.
type Error struct{ Command, Class, Description string }

func (e *Error) Error() string { return fmt.Sprintf("QEMU refused %s: %s", e.Command, e.Description) }

type message struct {
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Class string `json:"class"`
		Desc  string `json:"desc"`
	} `json:"error"`
	Greeting json.RawMessage `json:"QMP"`
	Event    string          `json:"event"`
	Data     json.RawMessage `json:"data"`
}

// read takes what QEMU says until the connection ends, or more is answered than was asked.
func (c *Client) read() {
	defer close(c.ended)
	defer c.conn.Close()
	lines := bufio.NewScanner(c.conn)
	lines.Buffer(make([]byte, 0, 4096), lineLimit)
	for lines.Scan() {
		var m message
		if c.failure = json.Unmarshal(lines.Bytes(), &m); c.failure != nil {
			return
		}
		if m.Event != "" {
			c.onEvent(Event{m.Event, m.Data})
			continue
		}
		select {
		case c.answers <- m:
		default:
			c.failure = errors.New("it answers what nobody asked")
			return
		}
	}
	if c.failure = lines.Err(); c.failure == nil {
		c.failure = errors.New("it hung up")
	}
}

// Execute runs a command and decodes what it returns into answer, if that is not nil.
func (c *Client) Execute(command string, arguments, answer any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	err := c.converse(command, arguments, answer)
	var refused *Error
	if err != nil && !errors.As(err, &refused) {
		c.broken = fmt.Errorf("the connection to QEMU's monitor broke: %w", err)
		return c.broken
	}
	return err
}

func (c *Client) converse(command string, arguments, answer any) error {
	late := time.NewTimer(answerTimeout)
	defer late.Stop()
	if !c.greeted {
		greeting, err := c.next(late)
		if err != nil {
			return err
		}
		if greeting.Greeting == nil {
			return errors.New("it did not greet")
		}
		if _, err := c.call("qmp_capabilities", nil, late); err != nil {
			return err
		}
		c.greeted = true
	}
	result, err := c.call(command, arguments, late)
	if err != nil || answer == nil {
		return err
	}
	return json.Unmarshal(result, answer)
}

func (c *Client) call(command string, arguments any, late *time.Timer) (json.RawMessage, error) {
	request := struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
	}{command, arguments}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	if err := c.conn.SetWriteDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(append(body, '\n')); err != nil {
		return nil, err
	}
	for {
		answer, err := c.next(late)
		if err != nil {
			return nil, err
		}
		if answer.Error != nil {
			return nil, &Error{command, answer.Error.Class, answer.Error.Desc}
		}
		if answer.Return != nil {
			return answer.Return, nil
		}
		// Anything else is of a newer QEMU, and means nothing to us.
	}
}

func (c *Client) next(late *time.Timer) (message, error) {
	select {
	case m := <-c.answers:
		return m, nil
	default:
	}
	select {
	case m := <-c.answers:
		return m, nil
	case <-c.ended:
		return message{}, c.failure
	case <-late.C:
		return message{}, fmt.Errorf("no answer within %v", answerTimeout)
	}
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }
