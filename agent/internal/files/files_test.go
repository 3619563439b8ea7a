package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

var ctx = context.Background()

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, what string, err error, want fileerr.Code) {
	t.Helper()
	if code(err) != want {
		t.Errorf("%s: got %v, want %s", what, err, want)
	}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(content), 0o644))
	return name
}

func content(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	must(t, err)
	return string(data)
}

// nothingUnfinished fails when a temporary name is left in a directory.
func nothingUnfinished(t *testing.T, dir string) {
	t.Helper()
	filepath.WalkDir(dir, func(path string, _ os.DirEntry, _ error) error {
		if strings.HasPrefix(filepath.Base(path), tempPrefix) {
			t.Errorf("%s is left", path)
		}
		return nil
	})
}

func TestAnEntrySaysWhatThereIs(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/f", []byte("abc"), 0o640))
	must(t, os.Chown(dir+"/f", 5, 6))
	must(t, os.Chmod(dir+"/f", 0o640|os.ModeSetuid))
	must(t, unix.UtimesNanoAt(unix.AT_FDCWD, dir+"/f", []unix.Timespec{{Sec: 1}, {Sec: 2, Nsec: 345_678_900}}, 0))
	must(t, os.Symlink("f", dir+"/l"))
	must(t, unix.Mkfifo(dir+"/p", 0o600))

	entry, err := Stat(dir+"/l", true)
	must(t, err)
	want := Entry{Name: "l", Path: dir + "/l", Type: "file", Size: 3, Mode: 0o4640, UID: 5, GID: 6, MtimeMs: 2345}
	if entry != want {
		t.Errorf("got %+v", entry)
	}
	entry, err = Stat(dir+"/l/", false)
	must(t, err)
	if entry.Type != "symlink" || *entry.Target != "f" || entry.Path != dir+"/l" {
		t.Errorf("got %+v", entry)
	}
	for name, kind := range map[string]string{dir: "directory", dir + "/p": "fifo", "/dev/null": "device", "/": "directory"} {
		if entry, err := Stat(name, false); err != nil || entry.Type != kind {
			t.Errorf("%s: %+v %v", name, entry, err)
		}
	}
}

func TestErrorsHaveCodes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/f", "")
	must(t, os.Symlink("loop", dir+"/loop"))
	for name, want := range map[string]fileerr.Code{
		"relative": fileerr.PathInvalid, "": fileerr.PathInvalid, "/a\x00b": fileerr.PathInvalid,
		"/" + strings.Repeat("a/", 3000): fileerr.PathInvalid, dir + "/" + strings.Repeat("n", 256): fileerr.PathInvalid,
		dir + "/loop": fileerr.PathInvalid, dir + "/none": fileerr.NotFound, dir + "/f/x": fileerr.NotDirectory,
	} {
		_, err := Stat(name, true)
		wantCode(t, fmt.Sprintf("%.40q", name), err, want)
	}
}

func TestAListingComesInPagesInByteOrder(t *testing.T) {
	dir := t.TempDir()
	for i := range 2500 {
		write(t, fmt.Sprintf("%s/%d", dir, i), "")
	}
	write(t, dir+"/.hidden", "")
	write(t, dir+"/\xff\xfe", "")
	var names []string
	after := ""
	for {
		page, err := List(ctx, dir, after, MaxList)
		must(t, err)
		for _, entry := range page.Entries {
			names = append(names, shown(entry.Name))
		}
		if !page.More {
			break
		}
		after = names[len(names)-1]
		if len(page.Entries) != MaxList {
			t.Fatalf("a page has %d entries", len(page.Entries))
		}
	}
	if len(names) != 2502 || names[0] != ".hidden" || names[1] != "0" || names[2] != "1" || names[3] != "10" {
		t.Errorf("%d names, first %q", len(names), names[:4])
	}
	for i := 1; i < len(names); i++ {
		if names[i-1] >= names[i] {
			t.Fatalf("%q before %q", names[i-1], names[i])
		}
	}
	_, err := List(ctx, dir+"/0", "", 1)
	wantCode(t, "a file", err, fileerr.NotDirectory)
	if page, err := List(ctx, t.TempDir(), "", 1); err != nil || page.More || page.Entries == nil {
		t.Errorf("an empty directory: %+v %v", page, err)
	}
}

func TestMkdir(t *testing.T) {
	dir := t.TempDir()
	entry, err := Mkdir(dir+"/a/b//c/", true, 0o1777)
	must(t, err)
	if entry.Mode != 0o1777 || entry.Path != dir+"/a/b//c" || entry.Name != "c" {
		t.Errorf("got %+v", entry)
	}
	entry, err = Mkdir(dir+"/a/b", true, 0o700)
	if err != nil || entry.Mode != 0o755 {
		t.Errorf("an existing one: %+v %v", entry, err)
	}
	write(t, dir+"/f", "")
	_, err = Mkdir(dir+"/a", false, -1)
	wantCode(t, "again", err, fileerr.Exists)
	_, err = Mkdir(dir+"/f", true, -1)
	wantCode(t, "a file is there", err, fileerr.Exists)
	_, err = Mkdir(dir+"/f/x/y", true, -1)
	wantCode(t, "below a file", err, fileerr.NotDirectory)
	_, err = Mkdir(dir+"/x/y", false, -1)
	wantCode(t, "no parent", err, fileerr.NotFound)
}

func TestSymlink(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/f", "")
	must(t, os.Mkdir(dir+"/d", 0o755))
	entry, err := Symlink(dir+"/l", "../nowhere", false)
	if err != nil || *entry.Target != "../nowhere" {
		t.Errorf("%+v %v", entry, err)
	}
	_, err = Symlink(dir+"/f", "x", false)
	wantCode(t, "over a file", err, fileerr.Exists)
	if entry, err = Symlink(dir+"/f", "x", true); err != nil || *entry.Target != "x" {
		t.Errorf("%+v %v", entry, err)
	}
	_, err = Symlink(dir+"/d", "x", true)
	wantCode(t, "over a directory", err, fileerr.IsDirectory)
	nothingUnfinished(t, dir)
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/outside/keep", "")
	deep := dir + "/d" + strings.Repeat("/n", 200)
	for i := range 1500 {
		write(t, fmt.Sprintf("%s/%d", deep, i), "")
	}
	must(t, os.Symlink(dir+"/outside", dir+"/d/link"))
	must(t, os.Mkdir(dir+"/empty", 0o755))

	wantCode(t, "not recursive", Remove(ctx, dir+"/d", false, false), fileerr.DirectoryNotEmpty)
	must(t, Remove(ctx, dir+"/empty", false, false))
	must(t, Remove(ctx, dir+"/d/link", true, false))
	must(t, os.Symlink(dir+"/outside", dir+"/d/link"))
	must(t, Remove(ctx, dir+"/d", true, false))
	if _, err := os.Lstat(dir + "/d"); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
	content(t, dir+"/outside/keep")
	wantCode(t, "missing", Remove(ctx, dir+"/d", true, false), fileerr.NotFound)
	must(t, Remove(ctx, dir+"/d/x", true, true))
	for _, root := range []string{"/", "//", "/.", "/proc/..", dir + strings.Repeat("/..", 9)} {
		wantCode(t, root, Remove(ctx, root, true, true), fileerr.PermissionDenied)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	write(t, dir+"/e/f", "")
	if Remove(cancelled, dir+"/e", true, false) == nil {
		t.Error("goes on without its client")
	}
}

func TestWhatIsMountedBelowIsNotRemoved(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(dir+"/d/mount", 0o755))
	if err := unix.Mount("tmpfs", dir+"/d/mount", "tmpfs", 0, ""); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	defer unix.Unmount(dir+"/d/mount", unix.MNT_DETACH)
	write(t, dir+"/d/mount/keep", "k")
	wantCode(t, "a mount point", Remove(ctx, dir+"/d", true, false), fileerr.Failed)
	content(t, dir+"/d/mount/keep")
	// Copies stop there, and moving to another file system copies.
	_, err := Copy(ctx, dir+"/d", dir+"/copy", true, false)
	must(t, err)
	if _, err := os.Stat(dir + "/copy/mount/keep"); !os.IsNotExist(err) {
		t.Errorf("the mount is copied: %v", err)
	}
	write(t, dir+"/m/sub/f", "moved")
	_, err = Rename(ctx, dir+"/m", dir+"/d/mount/m", true)
	must(t, err)
	if content(t, dir+"/d/mount/m/sub/f") != "moved" {
		t.Error("not moved")
	}
	if _, err := os.Stat(dir + "/m"); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
	write(t, dir+"/m", "")
	_, err = Rename(ctx, dir+"/m", dir+"/d/mount/m", true)
	wantCode(t, "a file over a full directory", err, fileerr.IsDirectory)
	_, err = Rename(ctx, dir+"/m", dir+"/d/mount/m", false)
	wantCode(t, "no replacing", err, fileerr.Exists)
	nothingUnfinished(t, dir)
}

func TestRename(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a", "a")
	write(t, dir+"/b", "b")
	write(t, dir+"/d/x", "x")
	_, err := Rename(ctx, dir+"/a", dir+"/b", false)
	wantCode(t, "no replacing", err, fileerr.Exists)
	entry, err := Rename(ctx, dir+"/a", dir+"/b", true)
	if err != nil || entry.Name != "b" || content(t, dir+"/b") != "a" {
		t.Errorf("%+v %v", entry, err)
	}
	for _, c := range []struct {
		from, to string
		want     fileerr.Code
	}{
		{"/a", "/c", fileerr.NotFound}, {"/b", "/none/c", fileerr.NotFound}, {"/b", "/d", fileerr.IsDirectory},
		{"/d", "/b", fileerr.NotDirectory}, {"/d", "/d/e", fileerr.PathInvalid},
	} {
		_, err := Rename(ctx, dir+c.from, dir+c.to, true)
		wantCode(t, c.from+" "+c.to, err, c.want)
	}
}

func TestChmodAndChown(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/d/sub/f", "")
	write(t, dir+"/outside", "")
	must(t, os.Chmod(dir+"/outside", 0o600))
	must(t, os.Symlink("../outside", dir+"/d/l"))
	must(t, os.Symlink("d", dir+"/to-d"))
	_, err := Chmod(ctx, dir+"/to-d", 0o750, false)
	must(t, err)
	if entry, _ := Stat(dir+"/d/sub", false); entry.Mode != 0o755 {
		t.Errorf("recursive without being asked: %o", entry.Mode)
	}
	entry, err := Chmod(ctx, dir+"/to-d", 0o2770, true)
	must(t, err)
	if entry.Mode != 0o2770 || entry.Type != "directory" {
		t.Errorf("got %+v", entry)
	}
	_, err = Chown(ctx, dir+"/d", 7, -1, true)
	must(t, err)
	for name, want := range map[string][2]uint32{"/d": {0o2770, 7}, "/d/sub": {0o2770, 7}, "/d/sub/f": {0o2770, 7}, "/outside": {0o600, 0}, "/d/l": {0o777, 7}} {
		// A change of owner by root clears no directory's bits, but a file's set-gid one.
		if entry, _ := Stat(dir+name, false); entry.Mode&0o777 != want[0]&0o777 || entry.UID != want[1] || entry.GID != 0 {
			t.Errorf("%s: %+v", name, entry)
		}
	}
	_, err = Chmod(ctx, dir+"/none", 0, true)
	wantCode(t, "missing", err, fileerr.NotFound)
}
