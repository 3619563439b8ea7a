package tree

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bandsox.dev/agent/internal/fileerr"
	"bandsox.dev/agent/internal/glob"
	"golang.org/x/sys/unix"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, name, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(content), 0o644))
}

func wantCode(t testing.TB, what string, err error, want fileerr.Code) {
	t.Helper()
	var known *fileerr.Error
	if !errors.As(err, &known) || known.Code != want {
		t.Errorf("%s: got %v, want %s", what, err, want)
	}
}

// describe says all of a tree but directories' times.
func describe(t testing.TB, root string) string {
	t.Helper()
	var out strings.Builder
	must(t, filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var stat unix.Stat_t
		must(t, unix.Lstat(name, &stat))
		below, _ := filepath.Rel(root, name)
		fmt.Fprintf(&out, "%s %o %d:%d %d", below, stat.Mode, stat.Uid, stat.Gid, stat.Mtim)
		switch stat.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			content, _ := os.ReadFile(name)
			value := make([]byte, 100)
			n, _ := unix.Getxattr(name, "user.x", value)
			fmt.Fprintf(&out, " %d %.50q %q", stat.Nlink, content, value[:max(n, 0)])
		case unix.S_IFLNK:
			target, _ := os.Readlink(name)
			fmt.Fprintf(&out, " -> %s", target)
		}
		out.WriteString("\n")
		return nil
	}))
	return out.String()
}

func pack(t testing.TB, root string, choice Choice) *bytes.Buffer {
	t.Helper()
	var archive bytes.Buffer
	must(t, Pack(context.Background(), root, choice, &archive))
	return &archive
}

func TestATreeComesBackAsItWas(t *testing.T) {
	from, to := t.TempDir()+"/from", t.TempDir()+"/new/to"
	write(t, from+"/a/f", "content")
	write(t, from+"/a/large", strings.Repeat("0123456789abcde", 20_000))
	write(t, from+"/a/"+strings.Repeat("long/", 60)+strings.Repeat("n", 200), "x")
	write(t, from+"/b/\xffname ü", "")
	must(t, os.Mkdir(from+"/empty", 0o700))
	must(t, os.Chown(from+"/a/f", 70_000, 4_000_000_000))
	must(t, os.Chmod(from+"/a/f", 0o710|os.ModeSetuid))
	must(t, os.Chmod(from+"/b", 0o777|os.ModeSticky))
	must(t, os.Link(from+"/a/f", from+"/b/second"))
	must(t, os.Symlink("../../outside", from+"/b/link"))
	must(t, os.Lchown(from+"/b/link", 4, 5))
	must(t, unix.Mkfifo(from+"/b/p", 0o602))
	must(t, unix.Mknod(from+"/b/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	if err := unix.Setxattr(from+"/a/f", "user.x", []byte("a\x00b"), 0); err != nil && err != unix.EOPNOTSUPP {
		t.Fatal(err)
	}
	for _, name := range []string{"/a/f", "/b/link", "/b", "/empty", "/a"} {
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, from+name, []unix.Timespec{{Sec: 1}, {Sec: 1e9, Nsec: 123_456_789}}, unix.AT_SYMLINK_NOFOLLOW))
	}
	listener, err := net.Listen("unix", from+"/socket")
	must(t, err)
	archive := pack(t, from, Choice{})
	listener.Close() // removes the socket, which is not in the archive

	done, err := Unpack(Target{Root: to, Parents: true, KeepOwners: true}, archive)
	must(t, err)
	root := []unix.Timespec{{}, {}}
	must(t, errors.Join(unix.UtimesNanoAt(unix.AT_FDCWD, from, root, 0), unix.UtimesNanoAt(unix.AT_FDCWD, to, root, 0)))
	if want, got := describe(t, from), describe(t, to); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if done.Entries != 71 || done.Bytes != 300_008 {
		t.Errorf("got %+v", done)
	}
}

func TestWithoutTrustOwnersAreRootsAndSetIDBitsGo(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/from/f", "")
	must(t, os.Chown(dir+"/from/f", 5, 6))
	must(t, os.Chmod(dir+"/from/f", 0o755|os.ModeSetuid|os.ModeSetgid))
	must(t, os.Mkdir(dir+"/to", 0o755))
	_, err := Unpack(Target{Root: dir + "/to"}, pack(t, dir+"/from", Choice{}))
	must(t, err)
	var stat unix.Stat_t
	must(t, unix.Stat(dir+"/to/f", &stat))
	if stat.Uid != 0 || stat.Gid != 0 || stat.Mode&0o7777 != 0o755 {
		t.Errorf("got %+v", stat)
	}
	_, err = Unpack(Target{Root: dir + "/to"}, archiveOf(tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}))
	wantCode(t, "a device", err, fileerr.ArchiveInvalid)
}

func names(t *testing.T, archive io.Reader) []string {
	t.Helper()
	var names []string
	for r := tar.NewReader(archive); ; {
		header, err := r.Next()
		if err == io.EOF {
			slices.Sort(names)
			return names
		}
		must(t, err)
		names = append(names, header.Name)
	}
}

func TestOnlyWhatIsChosenIsInTheArchive(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"/src/a.go", "/src/sub/b.go", "/src/c.txt", "/node_modules/x/y.go", "/src/node_modules/z", "/top.go"} {
		write(t, dir+name, "")
	}
	for _, c := range []struct{ include, exclude, want string }{
		{"", "", "node_modules/ node_modules/x/ node_modules/x/y.go src/ src/a.go src/c.txt src/node_modules/ src/node_modules/z src/sub/ src/sub/b.go top.go"},
		{"", "node_modules", "src/ src/a.go src/c.txt src/sub/ src/sub/b.go top.go"},
		{"*.go", "node_modules", "src/ src/a.go src/sub/ src/sub/b.go top.go"},
		{"sub", "", "src/ src/sub/ src/sub/b.go"},
		{"src/*", "*.txt /src/node_modules", "src/ src/a.go src/sub/ src/sub/b.go"},
		{"/*.go", "", "top.go"},
		{"nothing", "", ""},
	} {
		include, err := glob.Parse(strings.Fields(c.include))
		must(t, err)
		exclude, err := glob.Parse(strings.Fields(c.exclude))
		must(t, err)
		if got := strings.Join(names(t, pack(t, dir, Choice{include, exclude})), " "); got != c.want {
			t.Errorf("include %q exclude %q: %s", c.include, c.exclude, got)
		}
	}
}

func TestAnArchiveOfOneFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/f", "x")
	must(t, os.Symlink("f", dir+"/l"))
	for name, want := range map[string]string{"/f": "f", "/l": "l"} {
		if got := names(t, pack(t, dir+name, Choice{})); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	_, err := CheckPath(dir + "/none")
	wantCode(t, "missing", err, fileerr.NotFound)
	_, err = CheckPath("/dev/null")
	wantCode(t, "a device", err, fileerr.Failed)
}

func TestWhatIsThereIsReplacedOnlyWhenAsked(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/from/d/f", "new")
	must(t, os.Symlink("new", dir+"/from/d/l"))
	must(t, os.Chmod(dir+"/from/d", 0o700))
	archive := pack(t, dir+"/from", Choice{}).Bytes()
	write(t, dir+"/to/d/f", "old")
	write(t, dir+"/to/d/l", "old")
	write(t, dir+"/to/d/other", "old")
	_, err := Unpack(Target{Root: dir + "/to"}, bytes.NewReader(archive))
	wantCode(t, "no replacing", err, fileerr.Exists)
	if content, _ := os.ReadFile(dir + "/to/d/f"); string(content) != "old" {
		t.Errorf("got %q", content)
	}
	held, err := os.Open(dir + "/to/d/f")
	must(t, err)
	defer held.Close()
	_, err = Unpack(Target{Root: dir + "/to", Replace: true}, bytes.NewReader(archive))
	must(t, err)
	content, _ := os.ReadFile(dir + "/to/d/f")
	target, _ := os.Readlink(dir + "/to/d/l")
	info, _ := os.Stat(dir + "/to/d")
	if string(content) != "new" || target != "new" || info.Mode().Perm() != 0o700 {
		t.Errorf("got %q, %q, %v", content, target, info.Mode())
	}
	if still, _ := io.ReadAll(held); string(still) != "old" {
		t.Errorf("who had the old file open sees %q", still)
	}
	left, _ := os.ReadDir(dir + "/to/d")
	if len(left) != 3 {
		t.Errorf("left: %v", left)
	}
}

func BenchmarkTenThousandSmallFiles(b *testing.B) {
	from := b.TempDir()
	for i := range 10_000 {
		write(b, fmt.Sprintf("%s/%d/%d", from, i/100, i), strings.Repeat("x", 1000))
	}
	archive := pack(b, from, Choice{}).Bytes()
	b.Run("pack", func(b *testing.B) {
		for b.Loop() {
			must(b, Pack(context.Background(), from, Choice{}, io.Discard))
		}
	})
	b.Run("unpack", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			_, err := Unpack(Target{Root: fmt.Sprint(b.TempDir(), i), Parents: true}, bytes.NewReader(archive))
			must(b, err)
		}
	})
}
