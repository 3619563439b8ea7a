package transfer

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/tree"
)

// tarOf is a tar of n files of the same size, and the frames of it from any position on.
func tarOf(t *testing.T, n, size int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := range n {
		content := bytes.Repeat([]byte{byte(i + 1)}, size)
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("d%d/f%d", i%3, i), Mode: 0o644, Size: int64(size)}); err != nil {
			t.Fatal(err)
		}
		w.Write(content)
	}
	w.Close()
	return out.Bytes()
}

func frames(data []byte, from int64) []byte {
	var out bytes.Buffer
	w := dataframe.NewPlainWriter(&out)
	defer w.Release()
	w.Write(data[from:])
	var whole dataframe.Sum
	whole.Add(data)
	w.CloseAs(whole)
	return out.Bytes()
}

// connection brings frames and then nothing until it is cut.
type connection struct {
	*Carrier
	feed *io.PipeWriter
}

func open() *connection {
	from, feed := io.Pipe()
	return &connection{Bringing(dataframe.NewReader(from), func() { from.CloseWithError(os.ErrDeadlineExceeded) }), feed}
}

type outcome struct {
	done tree.Unpacked
	err  error
}

func carry(g *Registry, name string, target tree.Target, offset int64, c *connection) <-chan outcome {
	answer := make(chan outcome, 1)
	go func() {
		done, err := g.Unpack(name, target, offset, c.Carrier)
		answer <- outcome{done, err}
	}()
	return answer
}

func check(t *testing.T, root string, n, size int) {
	t.Helper()
	for i := range n {
		content, err := os.ReadFile(fmt.Sprintf("%s/d%d/f%d", root, i%3, i))
		if err != nil || !bytes.Equal(content, bytes.Repeat([]byte{byte(i + 1)}, size)) {
			t.Fatalf("file %d: %d bytes, %v", i, len(content), err)
		}
	}
}

// areWhole checks that no file has its name before it is whole.
func areWhole(t *testing.T, root string) {
	t.Helper()
	found, _ := filepath.Glob(root + "/*/f*")
	for _, name := range found {
		if stat, err := os.Stat(name); err != nil || stat.Size() != 30_000 {
			t.Errorf("%s: %d bytes, %v", name, stat.Size(), err)
		}
	}
}

func TestANameThatWasTakenMeanwhileIsNotReplaced(t *testing.T) {
	data := tarOf(t, 1, 100_000)
	for _, replace := range []bool{false, true} {
		g := NewRegistry(time.Minute, Limit)
		target := tree.Target{Root: t.TempDir(), Replace: replace}
		c := open()
		answer := carry(g, "a", target, 0, c)
		c.feed.Write(frames(data, 0)[:70_000])
		c.feed.CloseWithError(iotest.ErrTimeout)
		<-answer
		name := target.Root + "/d0/f0"
		if err := os.WriteFile(name, []byte("another's"), 0o644); err != nil {
			t.Fatal(err)
		}
		at, _ := g.Arrived("a")
		c = open()
		answer = carry(g, "a", target, at, c)
		go func() {
			c.feed.Write(frames(data, at))
			c.feed.Close()
		}()
		got := <-answer
		content, _ := os.ReadFile(name)
		if isReplaced := len(content) == 100_000; isReplaced != replace || (got.err == nil) != replace {
			t.Errorf("replace %v: %v, and %d bytes are there", replace, got.err, len(content))
		}
		if left, _ := filepath.Glob(target.Root + "/d0/.*"); len(left) > 0 {
			t.Error("left:", left)
		}
	}
}

func TestAnArchiveGoesOnWhereItsConnectionBroke(t *testing.T) {
	data := tarOf(t, 20, 30_000)
	for _, replace := range []bool{false, true} {
		g := NewRegistry(time.Minute, Limit)
		target := tree.Target{Root: t.TempDir(), Replace: replace}
		var at int64
		for breaks := 0; ; breaks++ {
			if breaks > len(data)/65_000+2 {
				t.Fatal("it does not get on")
			}
			rest := frames(data, at)
			c := open()
			answer := carry(g, "a", target, at, c)
			whole := len(rest) <= 70_001
			if _, err := c.feed.Write(rest[:min(len(rest), 70_001)]); err != nil {
				t.Fatal(err)
			}
			if whole {
				c.feed.Close()
				if got := <-answer; got.err != nil || got.done.Entries != 20 || got.done.Bytes != 600_000 {
					t.Fatalf("got %+v", got)
				}
				break
			}
			if breaks%2 == 0 { // else its client comes back first
				c.feed.CloseWithError(iotest.ErrTimeout)
			}
			var err error
			if at, err = g.Arrived("a"); err != nil {
				t.Fatal(err)
			}
			if got := <-answer; !errors.Is(got.err, dataframe.ErrBroken) {
				t.Fatalf("got %+v", got)
			}
			areWhole(t, target.Root)
		}
		check(t, target.Root, 20, 30_000)
		// Its client missed the answer.
		end, err := g.Arrived("a")
		if err != nil || end != int64(len(data)) {
			t.Fatalf("%d of %d, %v", end, len(data), err)
		}
		if got := <-carry(g, "a", target, end, open()); got.err != nil || got.done.Entries != 20 {
			t.Errorf("got %+v", got)
		}
	}
}

func TestWhatCannotGoOnIsRefused(t *testing.T) {
	data := tarOf(t, 3, 30_000)
	g := NewRegistry(time.Minute, Limit)
	target := tree.Target{Root: t.TempDir()}
	if got := <-carry(g, "a", target, 5, open()); !errors.Is(got.err, ErrUnknown) {
		t.Errorf("got %v", got.err)
	}
	if _, err := g.Arrived("a"); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
	first := open()
	answer := carry(g, "a", target, 0, first)
	first.feed.Write(frames(data, 0)[:70_000])
	first.feed.CloseWithError(iotest.ErrTimeout)
	<-answer
	for _, wrong := range []int64{0, 1, 70_000} {
		if got := <-carry(g, "a", target, wrong, open()); !errors.Is(got.err, ErrOffset) {
			t.Errorf("%d: got %v", wrong, got.err)
		}
	}
	at, _ := g.Arrived("a")
	if got := <-carry(g, "a", tree.Target{Root: t.TempDir()}, at, open()); !errors.Is(got.err, ErrOffset) {
		t.Errorf("got %v", got.err)
	}
	// Another archive's rest.
	other := tarOf(t, 3, 30_001)
	c := open()
	answer = carry(g, "a", target, at, c)
	go func() {
		c.feed.Write(frames(other, at))
		c.feed.Close()
	}()
	if got := <-answer; got.err == nil || errors.Is(got.err, dataframe.ErrBroken) {
		t.Errorf("got %v", got.err)
	}
}

func TestAnArchiveWhoseClientDoesNotComeBackIsGivenUp(t *testing.T) {
	data := frames(tarOf(t, 3, 100_000), 0)[:150_000]
	begin := func(g *Registry, name, root string) {
		c := open()
		answer := carry(g, name, tree.Target{Root: root}, 0, c)
		c.feed.Write(data)
		c.feed.CloseWithError(iotest.ErrTimeout)
		<-answer
	}
	parts := func(root string) []string {
		found, _ := filepath.Glob(root + "/*/.bsx-upload-*")
		return found
	}
	isGivenUp := func(what, root string) {
		t.Helper()
		for end := time.Now().Add(5 * time.Second); len(parts(root)) > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what, "it waits for ever")
			}
		}
		if _, err := os.Stat(root + "/d0/f0"); err != nil {
			t.Error(what, err)
		}
	}
	soon := NewRegistry(20*time.Millisecond, Limit)
	root := t.TempDir()
	begin(soon, "a", root)
	isGivenUp("in time", root)

	g := NewRegistry(time.Minute, 2)
	roots := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	for i, root := range roots {
		begin(g, fmt.Sprint(i), root)
	}
	isGivenUp("for want of room", roots[0])
	if err := g.End("1"); err != nil {
		t.Error(err)
	}
	if left, waiting := parts(roots[1]), parts(roots[2]); len(left) != 0 || len(waiting) != 1 {
		t.Error("of what was ended there is", left, "and of what waits", waiting)
	}
	if err := g.End("1"); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	g.End("2")
}
