package files

import (
	"bytes"
	"os"
	"testing"

	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

func stat(t *testing.T, name string) unix.Stat_t {
	t.Helper()
	var stat unix.Stat_t
	must(t, unix.Lstat(name, &stat))
	return stat
}

func TestACopyKeepsWhatAFileIs(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/d/sub/f", "content")
	must(t, os.Chown(dir+"/d/sub/f", 3, 4))
	must(t, os.Chmod(dir+"/d/sub/f", 0o640|os.ModeSetuid))
	must(t, os.Link(dir+"/d/sub/f", dir+"/d/second"))
	must(t, os.Symlink("/nowhere", dir+"/d/l"))
	must(t, unix.Mkfifo(dir+"/d/p", 0o602))
	must(t, os.Chmod(dir+"/d/sub", 0o711))
	when := []unix.Timespec{{Sec: 10, Nsec: 5}, {Sec: 20, Nsec: 7}}
	for _, name := range []string{"/d/sub/f", "/d/l", "/d/sub"} {
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, dir+name, when, unix.AT_SYMLINK_NOFOLLOW))
	}
	_, err := Copy(ctx, dir+"/d", dir+"/e", false, true)
	wantCode(t, "not recursive", err, fileerr.IsDirectory)
	_, err = Copy(ctx, dir+"/d", dir+"/e", true, false)
	must(t, err)
	for _, name := range []string{"", "/sub", "/sub/f", "/second", "/l", "/p"} {
		from, to := stat(t, dir+"/d"+name), stat(t, dir+"/e"+name)
		if from.Mode != to.Mode || from.Uid != to.Uid || from.Gid != to.Gid || from.Mtim != to.Mtim || from.Nlink != to.Nlink {
			t.Errorf("%s: was %+v, is %+v", name, from, to)
		}
	}
	if stat(t, dir+"/e/sub/f").Ino != stat(t, dir+"/e/second").Ino || stat(t, dir+"/e/second").Ino == stat(t, dir+"/d/second").Ino {
		t.Error("the hard link is lost, or one to the source")
	}
	nothingUnfinished(t, dir)
}

func TestACopyGoesIntoADirectoryThatExists(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/d/f", "new")
	write(t, dir+"/e/f", "old")
	write(t, dir+"/e/other", "kept")
	_, err := Copy(ctx, dir+"/d", dir+"/e", true, false)
	wantCode(t, "no replacing", err, fileerr.Exists)
	_, err = Copy(ctx, dir+"/d", dir+"/e", true, true)
	must(t, err)
	if content(t, dir+"/e/f") != "new" || content(t, dir+"/e/other") != "kept" {
		t.Error("not merged")
	}
	write(t, dir+"/x/f/g", "")
	for _, c := range []struct {
		from, to string
		want     fileerr.Code
	}{
		{"/d", "/d", fileerr.PathInvalid}, {"/d", "/d/in", fileerr.PathInvalid}, {"/d", "/d/f", fileerr.NotDirectory},
		{"/d/f", "/e", fileerr.IsDirectory}, {"/d", "/x", fileerr.IsDirectory}, {"/none", "/y", fileerr.NotFound}, {"/d/f", "/no/y", fileerr.NotFound},
	} {
		_, err := Copy(ctx, dir+c.from, dir+c.to, true, true)
		wantCode(t, c.from+" "+c.to, err, c.want)
	}
	nothingUnfinished(t, dir)
}

func TestALinkAtTheDestinationIsReplacedNotFollowed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/f", "new")
	write(t, dir+"/outside", "kept")
	must(t, os.Symlink("outside", dir+"/l"))
	entry, err := Copy(ctx, dir+"/f", dir+"/l", false, true)
	must(t, err)
	if entry.Type != "file" || content(t, dir+"/outside") != "kept" || content(t, dir+"/l") != "new" {
		t.Errorf("got %+v", entry)
	}
}

func TestHolesStayHoles(t *testing.T) {
	name := t.TempDir() + "/f"
	file, err := os.Create(name)
	must(t, err)
	defer file.Close()
	file.WriteAt([]byte("a"), 1<<20)
	file.WriteAt(bytes.Repeat([]byte("b"), 300_000), 1<<30)
	must(t, file.Truncate(1<<40))
	_, err = Copy(ctx, name, name+"2", false, false)
	must(t, err)
	to := stat(t, name+"2")
	if to.Size != 1<<40 || to.Blocks*512 > 1<<20 {
		t.Errorf("%d bytes in %d blocks", to.Size, to.Blocks)
	}
	copied, err := os.Open(name + "2")
	must(t, err)
	defer copied.Close()
	got := make([]byte, 3)
	if copied.ReadAt(got, 1<<30+299_998); string(got) != "bb\x00" {
		t.Errorf("got %q", got)
	}
}
