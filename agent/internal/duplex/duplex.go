// Package duplex is a client that sends frames while it is sent some, on one bare connection (PROTOCOL.md §4).
package duplex

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"bandsox.dev/agent/internal/frame"
)

// drainLimit is how long what a client still sends is read after the last frame to it: closing a connection with unread
// bytes would take back frames the client has not read yet.
const drainLimit = 10 * time.Second

// Conn is a connection whose directions end one by one.
type Conn interface {
	io.Writer
	io.Closer
	CloseWrite() error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// ErrLeft is a client that has closed its connection or broken the protocol.
var ErrLeft = errors.New("the client has left")

// Client is one connection. Leave must be called.
type Client struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	conn     Conn
	from     io.Reader
	input    *Input
	keeps    bool // the input outlives this connection
	begun    sync.Once
	writing  sync.Mutex // guards finished too
	finished bool
	read     chan struct{} // closed when nothing is read any more
}

// Serve begins to take in what the client sends. Command is where it goes.
func Serve(conn Conn, from io.Reader, command Command) *Client {
	c := serve(conn, from, NewInput(command))
	c.Begin()
	go c.input.Feed(c.ctx)
	return c
}

// ServeInput is Serve for input that may come on other connections before and after this one. Nothing is taken in before
// Begin, when the one before has been cut.
func ServeInput(conn Conn, from io.Reader, input *Input) *Client {
	c := serve(conn, from, input)
	c.keeps = true
	return c
}

// Begin begins to take in what the client sends, unless it has been cut.
func (c *Client) Begin() {
	c.begun.Do(func() {
		c.input.connect(c)
		go c.readFrames()
	})
}

func serve(conn Conn, from io.Reader, input *Input) *Client {
	ctx, cancel := context.WithCancelCause(context.Background())
	c := &Client{ctx: ctx, cancel: cancel, conn: conn, from: from, input: input, read: make(chan struct{})}
	// A write to a client that has left must not wait for it.
	context.AfterFunc(ctx, func() { conn.SetWriteDeadline(time.Unix(1, 0)) })
	return c
}

// Context ends when the client has left.
func (c *Client) Context() context.Context { return c.ctx }

// Take sends one whole frame: a client is an exec.Receiver.
func (c *Client) Take(whole []byte) error { return c.send(whole, false) }

// TakeLast sends the frame after which there are no more.
func (c *Client) TakeLast(whole []byte) error { return c.send(whole, true) }

func (c *Client) send(whole []byte, last bool) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.finished {
		return ErrLeft
	}
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	c.finished = last
	_, err := c.conn.Write(whole)
	return err
}

// Leave closes the connection. What was written before is delivered; what the client still sends is dropped.
func (c *Client) Leave() {
	c.begun.Do(func() { close(c.read) })
	if c.ctx.Err() == nil {
		if !c.keeps {
			c.input.Drop()
		}
		c.conn.SetReadDeadline(time.Now().Add(drainLimit))
		if c.conn.CloseWrite() == nil {
			<-c.read
		}
	}
	c.cancel(ErrLeft)
	c.conn.Close()
	<-c.read
}

// Cut closes the connection at once; after it nothing that the client has sent is taken in.
func (c *Client) Cut() {
	c.cancel(ErrLeft)                       // first: Begin may be writing, to a client that takes nothing
	c.conn.SetReadDeadline(time.Unix(1, 0)) // a stream that is closed on one side is still read
	c.conn.Close()
	c.begun.Do(func() { close(c.read) })
	<-c.read
}

func (c *Client) readFrames() {
	defer close(c.read)
	buffer := make([]byte, frame.MaxSize)
	for {
		kind, payload, err := frame.Read(c.from, buffer)
		if err == nil {
			err = c.input.accept(kind, payload)
		}
		if err != nil {
			c.cancel(ErrLeft)
			return
		}
	}
}

// taken tells the client how many bytes of its stdin have gone.
func (c *Client) taken(total uint64) {
	c.Take(frame.Append(nil, frame.Taken, binary.BigEndian.AppendUint64(nil, total))) // a failure is the client's leaving
}
