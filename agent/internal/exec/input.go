package exec

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"time"
)

// ErrInputClosed is what writing to a stdin ends with that is closed, or that the command reads no longer.
var ErrInputClosed = errors.New("the command's stdin is closed")

// Input is a command's stdin. Any number of goroutines may write; each write goes in whole before the next.
type Input struct {
	turn   chan struct{} // holds a token while nobody writes
	file   *os.File      // nil: there is no stdin
	typing bool          // a terminal: its end is a character, and the file is not ours to close
	closed atomic.Bool
}

// endOfFile is what a terminal takes for the end of what is typed, at the beginning of a line.
const endOfFile = 4

func newInput(file *os.File) *Input {
	in := &Input{turn: make(chan struct{}, 1), file: file}
	in.closed.Store(file == nil)
	in.turn <- struct{}{}
	return in
}

// Write returns when the command's pipe took all of p, or how much it took before ctx ended or it was closed
// (ErrInputClosed).
func (in *Input) Write(ctx context.Context, p []byte) (int, error) {
	select {
	case <-in.turn:
		defer func() { in.turn <- struct{}{} }()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	if in.file == nil {
		return 0, ErrInputClosed
	}
	stop := context.AfterFunc(ctx, func() { in.file.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	written := 0
	for {
		in.file.SetWriteDeadline(time.Time{})
		if ctx.Err() != nil {
			return written, context.Cause(ctx)
		}
		if in.closed.Load() {
			return written, ErrInputClosed
		}
		n, err := in.file.Write(p[written:])
		written += n
		if err == nil {
			return written, nil
		}
		// A deadline may be that of an earlier write, set late. Whatever else is wrong with a pipe or a terminal,
		// it takes nothing any more.
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			in.end()
		}
	}
}

// Close ends the stdin after what was written before; on a terminal it types the end of file.
func (in *Input) Close(ctx context.Context) error {
	if in.typing {
		_, err := in.Write(ctx, []byte{endOfFile})
		return err
	}
	select {
	case <-in.turn:
		defer func() { in.turn <- struct{}{} }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if in.closed.Load() {
		return ErrInputClosed
	}
	in.end()
	return nil
}

// IsOpen tells whether the command may still read something.
func (in *Input) IsOpen() bool { return !in.closed.Load() }

// end makes every write fail, one under way included.
func (in *Input) end() {
	if in.closed.Swap(true) {
		return
	}
	if in.typing {
		in.file.SetWriteDeadline(time.Unix(1, 0))
		return
	}
	in.file.Close()
}
