package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bandsox.dev/agent/internal/fileerr"
	"bandsox.dev/agent/internal/glob"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// follower collects what a watch tells.
type follower struct {
	t      *testing.T
	root   string
	reader *Reader
	seen   []string
}

func follow(t *testing.T, w *Watches, root string, recursive bool, exclude ...string) *follower {
	t.Helper()
	list, err := glob.Parse(exclude)
	must(t, err)
	one, err := w.Start(root, recursive, list)
	must(t, err)
	reader, err := w.Read(one.ID, 0)
	must(t, err)
	t.Cleanup(func() { reader.Close(); w.End(one.ID) })
	return &follower{t: t, root: root, reader: reader}
}

// until reads events up to the one given, as "type path", and returns all of them.
func (f *follower) until(last string) []string {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	f.seen = nil
	for {
		events, err := f.reader.Next(ctx)
		if err != nil || len(events) == 0 {
			f.t.Fatalf("%v without %q: %q", err, last, f.seen)
		}
		done := false
		for _, e := range events {
			text := strings.TrimSpace(e.Type + " " + strings.TrimPrefix(e.Path, f.root) + " " + strings.TrimPrefix(e.From, f.root))
			if e.Directory {
				text += "/"
			}
			f.seen = append(f.seen, text)
			done = done || text == last
		}
		if done {
			return f.seen
		}
	}
}

func (f *follower) want(want ...string) {
	f.t.Helper()
	if got := f.until(want[len(want)-1]); strings.Join(got, ", ") != strings.Join(want, ", ") {
		f.t.Errorf("got %q, want %q", got, want)
	}
}

func write(t *testing.T, name string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte("x"), 0o644))
}

func TestWhatHappensIsTold(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/sub/old")
	f := follow(t, New(), dir, true)
	write(t, dir+"/f")
	f.want("created /f", "modified /f")
	must(t, os.Chmod(dir+"/f", 0o600))
	f.want("attributes /f")
	must(t, os.Rename(dir+"/f", dir+"/sub/g"))
	f.want("renamed /sub/g /f")
	must(t, os.Remove(dir+"/sub/g"))
	f.want("removed /sub/g")
	must(t, os.Rename(dir+"/sub", dir+"/moved"))
	write(t, dir+"/moved/h")
	f.want("renamed /moved /sub/", "created /moved/h", "modified /moved/h")
	must(t, os.Rename(dir+"/moved", t.TempDir()+"/away"))
	f.want("removed /moved/")
	must(t, os.Remove(dir))
	f.want("removed/")
}

func TestNothingMadeInANewDirectoryIsMissed(t *testing.T) {
	dir := t.TempDir()
	f := follow(t, New(), dir, true)
	want := map[string]bool{}
	for i := range 50 {
		for j := range 4 {
			name := fmt.Sprintf("/%d/a/b/c/%d", i, j)
			write(t, dir+name)
			want["created "+name] = true
		}
	}
	write(t, dir+"/end")
	count := map[string]int{}
	for _, event := range f.until("created /end") {
		count[event]++
	}
	for event := range want {
		if count[event] != 1 {
			t.Errorf("%q is told %d times", event, count[event])
		}
	}
}

func TestOnlyWhatIsWantedIsTold(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/node_modules/x")
	write(t, dir+"/sub/file")
	w := New()
	flat := follow(t, w, dir, false)
	deep := follow(t, w, dir, true, "node_modules", "*.tmp")
	file := follow(t, w, dir+"/sub/file", false)
	write(t, dir+"/node_modules/y")
	write(t, dir+"/new/node_modules/y")
	write(t, dir+"/a.tmp")
	write(t, dir+"/sub/other")
	must(t, os.Rename(dir+"/sub/other", dir+"/sub/file"))
	must(t, os.Mkdir(dir+"/end", 0o755))
	flat.want("created /new/", "created /a.tmp", "modified /a.tmp", "created /end/")
	deep.want("created /new/", "created /sub/other", "modified /sub/other", "renamed /sub/file /sub/other", "created /end/")
	file.want("created")
}

func TestAReaderGoesOnFromItsCursorAndIsToldWhatItLost(t *testing.T) {
	r := &ring{limit: 4}
	for i := range 3 {
		r.add(Event{Type: Created, Path: fmt.Sprint("/", i)})
	}
	into := make([]Event, 10)
	if events, _, _ := r.after(1, into); len(events) != 2 || events[0].Path != "/1" || events[1].Cursor != 3 {
		t.Errorf("got %+v", events)
	}
	for i := range 6 {
		r.add(Event{Type: Created, Path: fmt.Sprint("/", 3+i)})
	}
	events, _, _ := r.after(2, into)
	if len(events) != 5 || events[0].Type != Overflow || events[0].Cursor != 5 || events[1].Cursor != 6 || events[4].Path != "/8" {
		t.Errorf("got %+v", events)
	}
	if events, more, _ := r.after(9, into); len(events) != 0 {
		t.Errorf("got %+v", events)
	} else {
		r.add(Event{Type: Removed, Path: "/x"})
		<-more
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	r := &ring{limit: eventLimit}
	long := strings.Repeat("p", 1<<10)
	for i := range 5000 {
		r.add(Event{Type: Created, Path: fmt.Sprint(long, i)})
	}
	if r.bytes > pathLimit || r.count < 3000 {
		t.Errorf("%d events with %d bytes are kept", r.count, r.bytes)
	}
	same := &ring{limit: eventLimit}
	for range 1000 {
		same.add(Event{Type: Modified, Path: "/f"})
	}
	if same.count != 1 {
		t.Errorf("the same is kept %d times", same.count)
	}
}

func TestAFullKernelQueueIsAnOverflowAndDirectoriesAreFoundAgain(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/old/f")
	queue, err := openInotify()
	must(t, err)
	defer queue.close()
	var events []Event
	d := newDirectories(queue, dir, true, nil)
	must(t, d.scan("", func(string, bool) {}))
	tr := &translator{directories: d, emit: func(e Event) { events = append(events, e) }}
	must(t, os.RemoveAll(dir+"/old"))
	write(t, dir+"/missed/f")
	tr.one(notice{wd: -1, mask: 0x4000})
	if len(events) != 1 || events[0].Type != Overflow {
		t.Errorf("got %+v", events)
	}
	if _, found := d.wds["missed"]; !found || len(d.wds) != 2 || len(d.paths) != 2 {
		t.Errorf("watched: %v", d.wds)
	}
}

func TestWatchesAreBoundedAndExpire(t *testing.T) {
	dir := t.TempDir()
	w := New()
	w.limit = 2
	first, err := w.Start(dir, false, nil)
	must(t, err)
	_, err = w.Start(dir, false, nil)
	must(t, err)
	if _, err := w.Start(dir, false, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	must(t, w.End(first.ID))
	if err := w.End(first.ID); err != ErrUnknown {
		t.Errorf("got %v", err)
	}
	if _, err := w.Read(first.ID, 0); err != ErrUnknown {
		t.Errorf("got %v", err)
	}
	w.unread = 20 * time.Millisecond
	third, err := w.Start(dir, false, nil)
	must(t, err)
	if _, err := w.Read(third.ID, 7); err != ErrAhead {
		t.Errorf("got %v", err)
	}
	reader, err := w.Read(third.ID, 0)
	must(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Millisecond)
	defer cancel()
	if _, err := reader.Next(ctx); err != context.DeadlineExceeded {
		t.Errorf("a watch that is read ends: %v", err)
	}
	other, err := w.Read(third.ID, 0)
	must(t, err)
	reader.Close()
	other.Close()
	for ended := false; !ended; {
		var more <-chan struct{}
		if _, more, ended = third.ring.after(0, make([]Event, 1)); ended {
			break
		}
		select {
		case <-more:
		case <-time.After(5 * time.Second):
			t.Fatal("never expires")
		}
	}
	if _, err := w.Read(third.ID, 0); err != ErrUnknown {
		t.Errorf("got %v", err)
	}
}

func TestAReaderIsToldTheEnd(t *testing.T) {
	w := New()
	one, err := w.Start(t.TempDir(), true, nil)
	must(t, err)
	reader, err := w.Read(one.ID, 0)
	must(t, err)
	defer reader.Close()
	time.AfterFunc(20*time.Millisecond, func() { w.End(one.ID) })
	if events, err := reader.Next(context.Background()); events != nil || err != nil {
		t.Errorf("got %v %v", events, err)
	}
	_, err = w.Start("/none", true, nil)
	var known *fileerr.Error
	if !errors.As(err, &known) || known.Code != fileerr.NotFound {
		t.Errorf("got %v", err)
	}
}
