package transfer

import (
	"context"
	"fmt"

	"bandsox.dev/agent/internal/dataframe"
)

const (
	// keptAll is what all archives keep together, beside the first of each: where they are many, some cannot go on.
	keptAll = 16 << 20
	// endedBytes is what archives that have been brought to their end keep together.
	endedBytes = 4 << 20
)

// Taking is a connection that takes an archive from an offset on; cut makes the next write to it fail, soon.
func Taking(frames *dataframe.Writer, offset int64, cut func()) *Carrier {
	return &Carrier{writer: frames, from: offset, cut: cut, left: make(chan struct{})}
}

// packing is an archive that goes.
type packing struct {
	where line
	kept  kept // changed under the lock by whom packs, who alone reads what it holds

	// Of whom packs alone
	sum     dataframe.Sum
	writing *Carrier

	isWhole bool  // it has been brought to its end
	failure error // of whom packs; known when the line has ended
}

func (p *packing) line() *line { return &p.where }

// Pack takes what pack writes, or the rest of it, over a connection, and returns when that has all of it, or can take no
// more. It takes the place of the connection before. pack is called for an archive that is not known.
func (g *Registry) Pack(name string, c *Carrier, pack func(context.Context, *Archive) error) error {
	p, err := g.take(name, c, pack)
	if err != nil {
		return err
	}
	select {
	case <-c.left:
		return c.why
	case <-p.where.ended:
		return p.failure
	}
}

func (g *Registry) take(name string, c *Carrier, pack func(context.Context, *Archive) error) (*packing, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, known := g.known[name].(*packing)
	if !known && (c.from > 0 || g.known[name] != nil) {
		return nil, ErrUnknown
	}
	if !known {
		g.makeRoom()
		p = g.beginPacking(name, pack)
	}
	p.where.detach()
	if !p.kept.reaches(c.from) {
		return nil, fmt.Errorf("%w: of %d bytes that went not all are kept", ErrOffset, p.kept.end)
	}
	select {
	case <-p.where.ended:
	default:
		p.where.attach(c)
	}
	return p, nil
}

// beginPacking runs under the lock.
func (g *Registry) beginPacking(name string, pack func(context.Context, *Archive) error) *packing {
	ctx, cancel := context.WithCancel(context.Background())
	p := &packing{where: g.newLine(name), kept: kept{grow: g.hasRoomFor}}
	p.where.onOver = cancel
	p.where.begin()
	g.known[name] = p
	go func() {
		defer cancel()
		err := pack(ctx, &Archive{p})
		for err == nil {
			err = p.bringEnd()
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		p.failure = err
		p.writing = nil
		p.where.let()
		close(p.where.ended)
	}()
	return p
}

// hasRoomFor runs under the lock, and tells whether an archive may keep so much more.
func (g *Registry) hasRoomFor(more int) bool {
	for _, a := range g.known {
		if p, ok := a.(*packing); ok {
			more += max(0, len(p.kept.bytes)-firstKept)
		}
	}
	return more <= keptAll
}

// Archive is what an archive is written to.
type Archive struct{ packing *packing }

// Write waits for a connection where there is none.
func (a *Archive) Write(data []byte) (int, error) {
	for written := 0; written < len(data); {
		part := data[written:min(len(data), written+firstKept)]
		if err := a.packing.write(part); err != nil {
			return written, err
		}
		written += len(part)
	}
	return len(data), nil
}

func (p *packing) write(data []byte) error {
	p.sum.Add(data)
	p.where.registry.mu.Lock()
	p.kept.add(data)
	p.where.registry.mu.Unlock()
	if p.writing != nil {
		_, err := p.writing.writer.Write(data)
		if err == nil {
			return nil
		}
		p.lose(err)
	}
	_, err := p.catchUp()
	return err
}

// catchUp returns a connection that has been given all there is.
func (p *packing) catchUp() (*Carrier, error) {
	for {
		if p.writing != nil {
			return p.writing, nil
		}
		c, err := p.where.await()
		if err != nil {
			return nil, err
		}
		p.writing = c
		for at := c.from; at < p.kept.end; {
			part := p.kept.from(at)
			if _, err := c.writer.Write(part); err != nil {
				p.lose(err)
				break
			}
			at += int64(len(part))
		}
	}
}

// bringEnd brings the end to a connection, and then to the next that comes for it, until none is waited for.
func (p *packing) bringEnd() error {
	c, err := p.catchUp()
	if err != nil {
		return err
	}
	err = c.writer.CloseAs(p.sum)
	if err == nil {
		p.where.registry.mu.Lock()
		p.isWhole = true
		p.where.registry.forgetWhole()
		p.where.registry.mu.Unlock()
	}
	p.lose(err)
	return nil
}

// lose lets go of the connection; why is nil when it has all there is.
func (p *packing) lose(why error) {
	lost := p.writing
	p.writing = nil
	p.where.registry.mu.Lock()
	p.where.let()
	p.where.registry.mu.Unlock()
	lost.leave(why)
}

// forgetWhole runs under the lock: archives that have gone as a whole make room for one another.
func (g *Registry) forgetWhole() {
	isWhole := func(a archive) bool {
		p, ok := a.(*packing)
		return ok && p.isWhole
	}
	size := 0
	for _, a := range g.known {
		if isWhole(a) {
			size += len(a.(*packing).kept.bytes)
		}
	}
	for size > endedBytes {
		oldest := g.longestWaiting(isWhole)
		if oldest == nil {
			return
		}
		size -= len(oldest.(*packing).kept.bytes)
		oldest.line().giveUp()
	}
}
