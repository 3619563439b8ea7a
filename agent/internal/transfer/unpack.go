package transfer

import (
	"errors"
	"fmt"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/tree"
)

// Bringing is a connection that brings an archive; cut makes the next read of it fail, soon.
func Bringing(frames *dataframe.Reader, cut func()) *Carrier {
	return &Carrier{reader: frames, cut: cut, left: make(chan struct{})}
}

// unpacking is an archive that comes.
type unpacking struct {
	where   line
	target  tree.Target
	arrived dataframe.Sum // up to the end of the connection before this one

	// Of whom unpacks alone
	unpacker *tree.Unpacker
	reading  *Carrier

	done    tree.Unpacked // known when the line has ended
	failure error
}

func (u *unpacking) line() *line { return &u.where }

// Unpack brings an archive, or the rest of it from an offset on, over a connection, and returns when it is unpacked or the
// connection brings no more: dataframe.ErrBroken. It takes the place of the connection before.
func (g *Registry) Unpack(name string, target tree.Target, offset int64, c *Carrier) (tree.Unpacked, error) {
	u, err := g.bring(name, target, offset, c)
	if err != nil {
		return tree.Unpacked{}, err
	}
	select {
	case <-u.where.ended:
		return u.done, u.failure
	case <-c.left:
		return tree.Unpacked{}, c.why
	}
}

func (g *Registry) bring(name string, target tree.Target, offset int64, c *Carrier) (*unpacking, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	u, known := g.known[name].(*unpacking)
	if !known && (offset > 0 || g.known[name] != nil) {
		return nil, ErrUnknown
	}
	if !known {
		g.makeRoom()
		u = g.beginUnpacking(name, target)
	}
	u.where.detach()
	if u.target != target {
		return nil, fmt.Errorf("%w: it is for another place", ErrOffset)
	}
	if offset != u.arrived.Bytes {
		return nil, fmt.Errorf("%w: %d bytes have come, not %d", ErrOffset, u.arrived.Bytes, offset)
	}
	select {
	case <-u.where.ended: // its client has missed how
	default:
		c.reader.After(u.arrived)
		u.where.attach(c)
	}
	return u, nil
}

// beginUnpacking runs under the lock.
func (g *Registry) beginUnpacking(name string, target tree.Target) *unpacking {
	u := &unpacking{where: g.newLine(name), target: target, unpacker: tree.NewUnpacker(target)}
	u.where.begin()
	g.known[name] = u
	go func() {
		done, err := u.unpacker.Unpack(u)
		g.mu.Lock()
		defer g.mu.Unlock()
		u.done, u.failure = done, err
		u.let()
		close(u.where.ended)
	}()
	return u
}

// Arrived takes an archive from the connection it has, and tells how many bytes of it have come; ErrUnknown.
func (g *Registry) Arrived(name string) (int64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	u, known := g.known[name].(*unpacking)
	if !known {
		return 0, ErrUnknown
	}
	u.where.detach()
	return u.arrived.Bytes, nil
}

// let runs under the lock.
func (u *unpacking) let() {
	if c := u.where.carrier; c != nil {
		u.arrived = c.reader.Sum()
	}
	u.reading = nil
	u.where.let()
}

// Read is for whom unpacks: it waits for a connection where there is none.
func (u *unpacking) Read(p []byte) (int, error) {
	for {
		if u.reading == nil {
			c, err := u.where.await()
			if err != nil {
				return 0, err
			}
			u.reading = c
		}
		n, err := u.reading.reader.Read(p)
		if !errors.Is(err, dataframe.ErrBroken) {
			return n, err
		}
		lost := u.reading
		u.where.registry.mu.Lock()
		u.let()
		u.where.registry.mu.Unlock()
		u.unpacker.Hide()
		lost.leave(err)
	}
}
