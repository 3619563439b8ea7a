package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/fileerr"
	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"
)

// frames carries data; the end frame speaks of whole.
func frames(data, whole string) []byte {
	var out []byte
	for len(data) > 0 {
		n := min(len(data), dataframe.MaxSize)
		out, data = dataframe.Append(out, dataframe.KindData, []byte(data[:n])), data[n:]
	}
	return dataframe.Append(out, dataframe.KindEnd, fmt.Appendf(nil, `{"bytes":%d,"xxh64":"%016x"}`, len(whole), xxhash.Sum64String(whole)))
}

func brokenFrames(data string) []byte { return frames(data, "")[:len(data)+5] }

func put(name string) Put { return Put{Path: name, Mode: -1, UID: -1, GID: -1} }

func (u *Uploads) try(p Put, body []byte) (Entry, error) {
	r := dataframe.NewReader(bytes.NewReader(body))
	defer r.Release()
	return u.Write(ctx, p, r, func() {})
}

func TestAWriteReplacesAllAtOnceAndKeepsModeAndOwner(t *testing.T) {
	dir := t.TempDir()
	u := NewUploads()
	entry, err := u.try(put(dir+"/f"), frames("one", "one"))
	if err != nil || entry.Mode != 0o644 || entry.Size != 3 || content(t, dir+"/f") != "one" {
		t.Errorf("%+v %v", entry, err)
	}
	must(t, os.Chown(dir+"/f", 8, 9))
	must(t, os.Chmod(dir+"/f", 0o751|os.ModeSetuid))
	must(t, os.Symlink("f", dir+"/l"))
	must(t, os.Symlink(dir+"/l", dir+"/ll"))
	before := stat(t, dir+"/f")
	entry, err = u.try(put(dir+"/ll"), frames("two", "two"))
	after := stat(t, dir+"/f")
	if err != nil || entry.Path != dir+"/ll" || content(t, dir+"/f") != "two" || after.Ino == before.Ino || after.Mode != before.Mode ||
		after.Uid != 8 || after.Gid != 9 {
		t.Errorf("%+v %v; was %+v, is %+v", entry, err, before, after)
	}
	p := put(dir + "/f")
	p.Mode, p.UID, p.GID = 0o600, 1, 2
	if entry, err = u.try(p, frames("", "")); err != nil || entry.Mode != 0o600 || entry.UID != 1 || entry.GID != 2 || entry.Size != 0 {
		t.Errorf("%+v %v", entry, err)
	}
	must(t, os.Symlink("new/er/file", dir+"/dangling"))
	p = put(dir + "/dangling")
	_, err = u.try(p, frames("x", "x"))
	wantCode(t, "no parents", err, fileerr.NotFound)
	p.Parents = true
	if _, err = u.try(p, frames("x", "x")); err != nil || content(t, dir+"/new/er/file") != "x" {
		t.Error(err)
	}
	nothingUnfinished(t, dir)
}

func TestAFailedWriteLeavesTheFileAsItWas(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/f", "old")
	u := NewUploads()
	for what, body := range map[string][]byte{"broken": brokenFrames("new"), "damaged": frames("new", "other"), "nonsense": []byte("GET / HTTP")} {
		for _, upload := range []string{"", "u"} {
			p := put(dir + "/f")
			p.Upload = upload
			if _, err := u.try(p, body); err == nil {
				t.Errorf("%s is taken", what)
			}
			if content(t, dir+"/f") != "old" {
				t.Errorf("%s has changed the file", what)
			}
			u.forgetAll()
			nothingUnfinished(t, dir)
		}
	}
	must(t, unix.Mkfifo(dir+"/p", 0o600))
	must(t, os.Symlink("loop", dir+"/loop"))
	for name, want := range map[string]fileerr.Code{
		"/none/f": fileerr.NotFound, "/f/g": fileerr.NotDirectory, "": fileerr.IsDirectory, "/p": fileerr.Failed, "/..": fileerr.IsDirectory,
		"/loop": fileerr.PathInvalid, "/new/": "",
	} {
		_, err := u.try(put(dir+name), frames("", ""))
		wantCode(t, name, err, want)
	}
	_, err := u.try(put(dir+"/f"), frames("a", "b"))
	wantCode(t, "checksum", err, fileerr.ChecksumMismatch)
}

// forgetAll is what ten minutes do.
func (u *Uploads) forgetAll() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for key, one := range u.known {
		u.drop(key, one)
	}
}

func TestABrokenTransferGoesOn(t *testing.T) {
	dir := t.TempDir()
	u := NewUploads()
	whole := strings.Repeat("0123456789", 20_000)
	p := put(dir + "/f")
	p.Upload = "abc"
	_, err := u.Arrived(p.Path, p.Upload)
	wantCode(t, "nothing yet", err, fileerr.NotFound)
	if _, err := u.try(p, brokenFrames(whole[:100_000][:60_000])); !errors.Is(err, dataframe.ErrBroken) {
		t.Fatal(err)
	}
	if n, err := u.Arrived(p.Path, p.Upload); err != nil || n != 60_000 {
		t.Errorf("%d %v", n, err)
	}
	_, err = u.Arrived(dir+"/other", p.Upload)
	wantCode(t, "another file", err, fileerr.NotFound)
	p.Offset = 60_001
	_, err = u.try(p, frames(whole[60_001:], whole))
	wantCode(t, "too far", err, fileerr.OffsetWrong)
	p.Offset = 50_000
	if _, err := u.try(p, brokenFrames("x")); !errors.Is(err, dataframe.ErrBroken) {
		t.Fatal(err)
	}
	if n, err := u.Arrived(p.Path, p.Upload); err != nil || n != 50_001 {
		t.Errorf("%d %v", n, err)
	}
	p.Offset = 50_000
	if _, err = u.try(p, frames(whole[50_000:], whole)); err != nil || content(t, dir+"/f") != whole {
		t.Error(err)
	}
	_, err = u.try(p, frames(whole[50_000:], whole))
	wantCode(t, "after the end", err, fileerr.OffsetWrong)
	nothingUnfinished(t, dir)
}

func TestAnotherFileInItsPlaceIsNotResumed(t *testing.T) {
	dir := t.TempDir()
	u := NewUploads()
	p := put(dir + "/f")
	p.Upload = "abc"
	u.try(p, brokenFrames("12345"))
	must(t, os.Remove(dir+"/.bsx-upload-abc"))
	must(t, os.Symlink("/etc/passwd", dir+"/.bsx-upload-abc"))
	p.Offset = 2
	if _, err := u.try(p, frames("345", "12345")); err == nil {
		t.Error("a link is followed")
	}
	p.Offset = 0
	if _, err := u.try(p, frames("12345", "12345")); err != nil || content(t, dir+"/f") != "12345" {
		t.Error(err)
	}
}

func TestBrokenTransfersExpireAndAreBounded(t *testing.T) {
	dir := t.TempDir()
	u := NewUploads()
	u.limit = 3
	for i := range 5 {
		p := put(dir + "/f")
		p.Upload = fmt.Sprint("u", i)
		u.try(p, brokenFrames("12345"))
	}
	if left, _ := os.ReadDir(dir); len(left) != 3 || left[0].Name() != ".bsx-upload-u2" {
		t.Errorf("left: %v", left)
	}
	u.keep = time.Millisecond
	p := put(dir + "/f")
	p.Upload = "u4"
	u.try(p, brokenFrames("1"))
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := os.Lstat(dir + "/.bsx-upload-u4"); os.IsNotExist(err) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("never expires")
		}
	}
	_, err := u.Arrived(p.Path, p.Upload)
	wantCode(t, "expired", err, fileerr.NotFound)
}

// underWay begins a transfer that has brought text and is silent; its end is told.
func (u *Uploads) underWay(p Put, text string) <-chan error {
	body, client := io.Pipe()
	ended := make(chan error)
	go func() {
		r := dataframe.NewReader(body)
		defer r.Release()
		_, err := u.Write(ctx, p, r, func() { body.Close() })
		ended <- err
	}()
	client.Write(brokenFrames(text))
	client.Write([]byte{5}) // the frame before has been taken
	return ended
}

func TestAClientThatComesBackTakesOver(t *testing.T) {
	dir := t.TempDir()
	u := NewUploads()
	p := put(dir + "/f")
	p.Upload = "abc"
	first := u.underWay(p, "12345")
	p.Offset = 5
	if _, err := u.try(p, frames("678", "12345678")); err != nil || content(t, dir+"/f") != "12345678" {
		t.Error(err)
	}
	if err := <-first; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the first ended with %v", err)
	}
}

func TestATransferThatIsNotWantedLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	u := NewUploads()
	p := put(dir + "/f")
	p.Upload = "abc"
	wantCode(t, "nothing yet", u.End(ctx, p.Path, p.Upload), fileerr.NotFound)
	if _, err := u.try(p, brokenFrames("12345")); !errors.Is(err, dataframe.ErrBroken) {
		t.Fatal(err)
	}
	if err := u.End(ctx, p.Path, p.Upload); err != nil {
		t.Error(err)
	}
	nothingUnfinished(t, dir)
	first := u.underWay(p, "12345")
	if err := u.End(ctx, p.Path, p.Upload); err != nil { // one under way is stopped
		t.Error(err)
	}
	if err := <-first; err == nil {
		t.Error("it was written")
	}
	nothingUnfinished(t, dir)
	if _, err := u.try(p, frames("1", "1")); err != nil || content(t, p.Path) != "1" {
		t.Error(err)
	}
	wantCode(t, "after the end", u.End(ctx, p.Path, p.Upload), fileerr.NotFound)
}

func TestAppend(t *testing.T) {
	dir := t.TempDir()
	add := func(name string, body []byte) (Entry, error) {
		r := dataframe.NewReader(bytes.NewReader(body))
		defer r.Release()
		return Append(put(name), r)
	}
	inode := uint64(0)
	for i, want := range []string{"ab", "abab"} {
		if _, err := add(dir+"/f", frames("ab", "ab")); err != nil || content(t, dir+"/f") != want {
			t.Error(err)
		}
		if now := stat(t, dir+"/f").Ino; i > 0 && now != inode {
			t.Error("not in place")
		} else {
			inode = now
		}
	}
	for _, body := range [][]byte{brokenFrames("new"), frames("new", "other")} {
		for _, name := range []string{"/f", "/new"} {
			if _, err := add(dir+name, body); err == nil {
				t.Error("taken")
			}
		}
	}
	if content(t, dir+"/f") != "abab" {
		t.Errorf("got %q", content(t, dir+"/f"))
	}
	if _, err := os.Stat(dir + "/new"); !os.IsNotExist(err) {
		t.Error("a file that was never complete is left")
	}
	_, err := add(dir, frames("", ""))
	wantCode(t, "a directory", err, fileerr.IsDirectory)
}

// FuzzUpload: whatever the body is, the file is either untouched or what a verified body carries.
func FuzzUpload(f *testing.F) {
	f.Add(frames("abc", "abc"), "abc", int64(0))
	f.Add(frames("abc", "abd"), "", int64(0))
	f.Add(brokenFrames("abc"), "u", int64(7))
	f.Fuzz(func(t *testing.T, body []byte, upload string, offset int64) {
		dir := t.TempDir()
		write(t, dir+"/d/f", "old")
		u := NewUploads()
		p := put(dir + "/d/f")
		if len(upload) < 64 && !strings.ContainsAny(upload, "/\x00") {
			p.Upload = upload
		}
		p.Offset = max(offset, 0)
		_, err := u.try(p, body)
		r := dataframe.NewReader(bytes.NewReader(body))
		defer r.Release()
		want, bad := io.ReadAll(r)
		if bad != nil || p.Offset > 0 && p.Upload != "" {
			want = []byte("old")
		}
		if got := content(t, dir+"/d/f"); p.Offset == 0 && (got != string(want) || (err == nil) != (bad == nil)) {
			t.Errorf("%q is there, want %q: %v", got, want, err)
		}
		u.forgetAll()
		nothingUnfinished(t, dir)
	})
}

// FuzzCheckPath: what is accepted is absolute, has no zero byte and names the same file.
func FuzzCheckPath(f *testing.F) {
	for _, seed := range []string{"", "/", "//", "/a/../b/", "/a\x00", "a", "/\xff", strings.Repeat("/a", 3000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		checked, err := CheckPath(name)
		if err != nil {
			wantCode(t, name, err, fileerr.PathInvalid)
			return
		}
		if checked[0] != '/' || strings.Contains(checked, "\x00") || len(checked) > maxPath || strings.TrimRight(name, "/") != strings.TrimRight(checked, "/") {
			t.Errorf("%q became %q", name, checked)
		}
		if directory, base, err := split("test", checked); err == nil &&
			(strings.Contains(base, "/") || base == ".." || base == "" || !strings.HasPrefix(directory, "/")) {
			t.Errorf("%q is split into %q and %q", checked, directory, base)
		}
	})
}
