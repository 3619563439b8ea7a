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
	mu      sync.Mutex
	conn    net.Conn
	lines   *bufio.Scanner
	greeted bool
	broken  error
}

// New uses a connection to QEMU's monitor; nothing is read until the first command.
func New(conn net.Conn) *Client {
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, 4096), lineLimit)
	return &Client{conn: conn, lines: lines}
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
	if err := c.conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return err
	}
	if !c.greeted {
		greeting, err := c.next()
		if err != nil {
			return err
		}
		if greeting.Greeting == nil {
			return errors.New("it did not greet")
		}
		if _, err := c.call("qmp_capabilities", nil); err != nil {
			return err
		}
		c.greeted = true
	}
	result, err := c.call(command, arguments)
	if err != nil || answer == nil {
		return err
	}
	return json.Unmarshal(result, answer)
}

func (c *Client) call(command string, arguments any) (json.RawMessage, error) {
	request := struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
	}{command, arguments}
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(append(body, '\n')); err != nil {
		return nil, err
	}
	for {
		answer, err := c.next()
		if err != nil {
			return nil, err
		}
		if answer.Error != nil {
			return nil, &Error{command, answer.Error.Class, answer.Error.Desc}
		}
		if answer.Return != nil {
			return answer.Return, nil
		}
		// Anything else is an event, and nobody here waits for one.
	}
}

func (c *Client) next() (message, error) {
	var m message
	if !c.lines.Scan() {
		if err := c.lines.Err(); err != nil {
			return m, err
		}
		return m, errors.New("it hung up")
	}
	return m, json.Unmarshal(c.lines.Bytes(), &m)
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }
