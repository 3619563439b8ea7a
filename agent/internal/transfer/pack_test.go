package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"testing"
	"time"

	"bandsox.dev/agent/internal/dataframe"
)

// wire takes frames until it is cut, or so many bytes have come.
type wire struct {
	*Carrier
	got  bytes.Buffer
	to   *io.PipeWriter
	over chan struct{}
}

func openWire(offset int64, most int64) *wire {
	from, to := io.Pipe()
	w := &wire{to: to, over: make(chan struct{})}
	w.Carrier = Taking(dataframe.NewPlainWriter(to), offset, func() { from.CloseWithError(errors.New("cut")) })
	go func() {
		io.CopyN(&w.got, from, most)
		from.CloseWithError(errors.New("broken"))
		close(w.over)
	}()
	return w
}

// data is what has come in whole frames, and whether the end frame was right; before is what earlier ones brought.
func (w *wire) data(before []byte) ([]byte, error) {
	w.to.Close() // nothing more will be written
	<-w.over
	r := dataframe.NewReader(&w.got)
	defer r.Release()
	r.Before(bytes.NewReader(before))
	return io.ReadAll(r)
}

// packed writes data in pieces of all sizes.
func packed(data []byte) func(context.Context, *Archive) error {
	return func(_ context.Context, to *Archive) error {
		for rest, size := data, 1; len(rest) > 0; size = size*3%700_001 + 1 {
			n := min(size, len(rest))
			if _, err := to.Write(rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	}
}

func TestWhatATakerHasNotGotItGetsFromTheNextConnection(t *testing.T) {
	data := make([]byte, 9<<20)
	rand.New(rand.NewSource(1)).Read(data)
	g := NewRegistry(time.Minute, Limit)
	var got []byte
	for _, most := range []int64{0, 3, 300_000, 5 << 20, 1 << 20, 1, 20 << 20} {
		w := openWire(int64(len(got)), most)
		err := g.Pack("a", w.Carrier, packed(data))
		part, broken := w.data(got)
		got = append(got, part...)
		if !bytes.Equal(got, data[:len(got)]) {
			t.Fatalf("after %d bytes it is another archive", len(got))
		}
		if isWhole := len(got) == len(data); isWhole != (err == nil) || isWhole != (broken == nil) {
			t.Fatalf("%d of %d bytes: %v, %v", len(got), len(data), err, broken)
		}
	}
	// Its client has missed the end.
	w := openWire(int64(len(data)-10), 1000)
	if err := g.Pack("a", w.Carrier, nil); err != nil {
		t.Fatal(err)
	}
	if part, err := w.data(data[:len(data)-10]); err != nil || !bytes.Equal(part, data[len(data)-10:]) {
		t.Errorf("%d bytes, %v", len(part), err)
	}
	if err := g.End("a"); err != nil {
		t.Error(err)
	}
}

func TestAConnectionTakesThePlaceOfOneThatIsNotKnownToBeOver(t *testing.T) {
	data := make([]byte, 3<<20)
	rand.New(rand.NewSource(2)).Read(data)
	g := NewRegistry(time.Minute, Limit)
	from, to := io.Pipe()
	deaf := Taking(dataframe.NewPlainWriter(to), 0, func() { from.CloseWithError(errors.New("cut")) })
	lost := make(chan error, 1)
	go func() { lost <- g.Pack("a", deaf, packed(data)) }()
	io.ReadFull(from, make([]byte, 100_000))
	w := openWire(50_000, 20<<20)
	if err := g.Pack("a", w.Carrier, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-lost; err == nil {
		t.Error("the connection before has all of it")
	}
	if part, err := w.data(data[:50_000]); err != nil || !bytes.Equal(part, data[50_000:]) {
		t.Errorf("%d bytes, %v", len(part), err)
	}
	g.End("a")
}

func TestAnArchiveThatCannotGoOnIsRefused(t *testing.T) {
	g := NewRegistry(time.Minute, Limit)
	if err := g.Pack("a", openWire(1, 0).Carrier, nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
	w := openWire(0, 8<<20)
	g.Pack("a", w.Carrier, packed(make([]byte, 9<<20)))
	for _, wrong := range []int64{0, 1000, 9<<20 + 1} {
		if err := g.Pack("a", openWire(wrong, 0).Carrier, nil); !errors.Is(err, ErrOffset) {
			t.Errorf("%d: got %v", wrong, err)
		}
	}
	if _, err := g.Arrived("a"); !errors.Is(err, ErrUnknown) {
		t.Errorf("one that goes: %v", err)
	}
	g.End("a")
	failure := errors.New("a disk error")
	failing := func(_ context.Context, to *Archive) error {
		to.Write(make([]byte, 10))
		return failure
	}
	for range 2 { // its client is told, whether it was there or not
		if err := g.Pack("b", openWire(0, 1<<20).Carrier, failing); !errors.Is(err, failure) {
			t.Errorf("got %v", err)
		}
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	g := NewRegistry(time.Minute, Limit)
	total := func() (all int) {
		g.mu.Lock()
		defer g.mu.Unlock()
		for _, a := range g.known {
			all += len(a.(*packing).kept.bytes)
		}
		return all
	}
	for i := range 20 {
		if err := g.Pack(fmt.Sprint("whole", i), openWire(0, 20<<20).Carrier, packed(make([]byte, 2<<20))); err != nil {
			t.Fatal(err)
		}
	}
	if all := total(); all > endedBytes {
		t.Errorf("%d bytes are kept of what has gone", all)
	}
	for i := range 40 {
		g.Pack(fmt.Sprint("broken", i), openWire(0, 5<<20).Carrier, packed(make([]byte, 6<<20)))
	}
	if all := total(); all > keptAll+Limit*firstKept {
		t.Errorf("%d bytes are kept of what waits", all)
	}
	for i := range 40 {
		g.End(fmt.Sprint("broken", i))
	}
}

func TestWhatFollowsManyThatHaveEndedIsKeptAsMuch(t *testing.T) {
	g := NewRegistry(time.Minute, Limit)
	for i := range 30 {
		g.Pack(fmt.Sprint(i), openWire(0, 1<<20).Carrier, packed(make([]byte, 10)))
	}
	g.Pack("a", openWire(0, 1<<20).Carrier, packed(make([]byte, 9<<20)))
	p := g.known["a"].(*packing)
	for end := time.Now().Add(5 * time.Second); len(p.kept.bytes) < 1<<20; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it keeps %d bytes", len(p.kept.bytes))
		}
	}
	g.EndAll()
}

func TestAnArchiveThatIsGivenUpIsNotLookedForAnyMore(t *testing.T) {
	g := NewRegistry(time.Minute, Limit)
	begun, ended := make(chan struct{}), make(chan error, 1)
	looking := func(ctx context.Context, _ *Archive) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	}
	go func() { ended <- g.Pack("a", openWire(0, 1).Carrier, looking) }()
	<-begun
	if err := g.End("a"); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
