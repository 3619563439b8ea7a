package duplex

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"syscall"

	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/frame"
	"golang.org/x/sys/unix"
)

// window is how many bytes of stdin a client may send beyond those it was told are taken. So its frames are always read,
// whether or not the command reads its stdin: signals get through, and its leaving is noticed.
const window = 256 << 10

// Command is what a client's frames are for.
type Command interface {
	Input() *exec.Input
	Resize(exec.Size) error
	Signal(syscall.Signal)
}

// Input is what clients have sent and the command has not taken. It may outlive their connections.
type Input struct {
	command Command
	telling sync.Mutex // what is told of what is taken never goes back

	mu       sync.Mutex
	client   *Client // the newest; it is told what is taken
	waiting  [][]byte
	size     int    // bytes waiting, those being written included
	received uint64 // bytes that ever came
	closing  bool
	dropped  bool
	wake     chan struct{}
}

// NewInput is for a command; Feed hands over what comes.
func NewInput(command Command) *Input {
	return &Input{command: command, wake: make(chan struct{}, 1)}
}

// Received is how many bytes of stdin have come whole.
func (in *Input) Received() uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.received
}

// connect has a client told what is taken, and what was before.
func (in *Input) connect(client *Client) {
	in.mu.Lock()
	in.client = client
	in.mu.Unlock()
	in.tell()
}

// report tells the client how many bytes of its stdin have gone, or will never go anywhere.
func (in *Input) report(written int) {
	in.mu.Lock()
	in.size -= written
	in.mu.Unlock()
	in.tell()
}

func (in *Input) tell() {
	in.telling.Lock()
	defer in.telling.Unlock()
	in.mu.Lock()
	taken, client := in.received-uint64(in.size), in.client
	in.mu.Unlock()
	if client != nil && taken > 0 {
		client.taken(taken)
	}
}

// accept takes one frame; an error is a client that does not keep to the protocol.
func (in *Input) accept(kind frame.Kind, payload []byte) error {
	switch kind {
	case frame.Stdin:
		return in.add(payload)
	case frame.EOF:
		if len(payload) != 0 {
			return fmt.Errorf("%w: an end of stdin with %d bytes", frame.ErrInvalid, len(payload))
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.closing = true
		in.notify()
		return nil
	case frame.Resize:
		var size exec.Size
		if err := decode(payload, &size); err != nil {
			return err
		}
		if err := size.Check(); err != nil {
			return err
		}
		in.command.Resize(size) // a command without a terminal has no size to be wrong
		return nil
	case frame.Signal:
		var asked struct {
			Signal string `json:"signal"`
		}
		if err := decode(payload, &asked); err != nil {
			return err
		}
		number := unix.SignalNum(asked.Signal)
		if number == 0 {
			return fmt.Errorf("%w: no signal %.40q", frame.ErrInvalid, asked.Signal)
		}
		in.command.Signal(number)
		return nil
	}
	return fmt.Errorf("%w: kind %d from a client", frame.ErrInvalid, kind)
}

func decode(payload []byte, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return fmt.Errorf("%w: %w", frame.ErrInvalid, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("%w: more follows after the JSON value", frame.ErrInvalid)
	}
	return nil
}

func (in *Input) add(payload []byte) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case len(payload) == 0:
		return fmt.Errorf("%w: an empty piece of stdin", frame.ErrInvalid)
	case in.dropped: // also what comes again on another connection, its end included
		return nil
	case in.closing:
		return fmt.Errorf("%w: stdin after its end", frame.ErrInvalid)
	case in.size+len(payload) > window:
		return fmt.Errorf("%w: more than %d bytes of stdin on their way", frame.ErrInvalid, window)
	}
	in.waiting = append(in.waiting, bytes.Clone(payload))
	in.size += len(payload)
	in.received += uint64(len(payload))
	in.notify()
	return nil
}

func (in *Input) notify() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// Drop makes everything that still comes go nowhere.
func (in *Input) Drop() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.dropped, in.waiting = true, nil
}

// Feed hands what comes to the command until ctx ends. What the command takes no more counts as taken.
func (in *Input) Feed(ctx context.Context) {
	for {
		piece, end := in.next()
		switch {
		case piece != nil:
			if _, err := in.command.Input().Write(ctx, piece); ctx.Err() != nil && err != nil {
				return
			}
			in.report(len(piece))
		case end:
			in.command.Input().Close(ctx) // closed already is as good
			return
		default:
			select {
			case <-in.wake:
			case <-ctx.Done():
				return
			}
		}
	}
}

// next is what to write next; end is true after the last piece.
func (in *Input) next() (piece []byte, end bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.waiting) == 0 {
		return nil, in.closing
	}
	piece = in.waiting[0]
	in.waiting[0], in.waiting = nil, in.waiting[1:]
	return piece, false
}
