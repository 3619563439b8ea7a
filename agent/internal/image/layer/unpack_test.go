package layer_test

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
	"bandsox.dev/agent/internal/image/layer"
)

var roomy = layer.Limits{MaxBytes: 1 << 30}

// unpack applies layers to a new root and returns it, one level below the temporary directory.
func unpack(t *testing.T, limits layer.Limits, layers ...[]byte) (string, error) {
	t.Helper()
	NeedRoot(t)
	root := filepath.Join(t.TempDir(), "rootfs")
	Must(t, os.Mkdir(root, 0o755))
	tree := layer.NewTree(root, limits)
	for _, content := range layers {
		if err := tree.Apply(context.Background(), bytes.NewReader(content)); err != nil {
			return root, err
		}
	}
	return root, tree.Finish(ModTime)
}

func mustUnpack(t *testing.T, layers ...[]byte) string {
	t.Helper()
	root, err := unpack(t, roomy, layers...)
	Must(t, err)
	return root
}

func wantNames(t *testing.T, root string, want ...string) {
	t.Helper()
	if got := Names(t, root); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func wantContent(t *testing.T, root, name, want string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(root, name))
	Must(t, err)
	if string(got) != want {
		t.Errorf("%s contains %q, want %q", name, got, want)
	}
}

func TestDeletions(t *testing.T) {
	lower := []Entry{Dir("a"), File("a/one", "1"), Dir("a/sub"), File("a/sub/two", "2"), File("b", "b")}
	for _, row := range []struct {
		name  string
		upper []Entry
		want  []string
	}{
		{"a whiteout deletes a file", []Entry{Whiteout("a/", "one")}, []string{"a", "a/sub", "a/sub/two", "b"}},
		{"a whiteout deletes a tree", []Entry{Whiteout("", "a")}, []string{"b"}},
		{"a whiteout of nothing does nothing", []Entry{Whiteout("", "zzz")}, []string{"a", "a/one", "a/sub", "a/sub/two", "b"}},
		{"a whiteout spares what its own layer wrote before", []Entry{File("b", "new"), Whiteout("", "b")},
			[]string{"a", "a/one", "a/sub", "a/sub/two", "b"}},
		{"a whiteout spares a directory of its own layer, not its lower content",
			[]Entry{Dir("a"), File("a/new", "n"), Whiteout("", "a")}, []string{"a", "a/new", "b"}},
		{"a replaced directory is new", []Entry{Whiteout("", "a"), Dir("a"), File("a/new", "n")}, []string{"a", "a/new", "b"}},
		{"opaque hides lower content", []Entry{Dir("a"), Opaque("a"), File("a/new", "n")}, []string{"a", "a/new", "b"}},
		{"opaque after its siblings hides lower content only",
			[]Entry{Dir("a"), File("a/new", "n"), Opaque("a")}, []string{"a", "a/new", "b"}},
		{"opaque spares what lies in directories the layer only implies",
			[]Entry{File("a/deep/er/new", "n"), Opaque("a")}, []string{"a", "a/deep", "a/deep/er", "a/deep/er/new", "b"}},
		{"opaque of the root", []Entry{File(".wh..wh..opq", ""), File("new", "n")}, []string{"new"}},
		{"aufs bookkeeping is left out", []Entry{Dir(".wh..wh.plnk"), File(".wh..wh.plnk/1.2", "x"), File(".wh..wh.aufs", "")},
			[]string{"a", "a/one", "a/sub", "a/sub/two", "b"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			wantNames(t, mustUnpack(t, Tar(t, lower...), Tar(t, row.upper...)), row.want...)
		})
	}
}

func TestHardLinks(t *testing.T) {
	t.Run("reach files of lower layers", func(t *testing.T) {
		root := mustUnpack(t, Tar(t, File("a", "A")), Tar(t, Dir("d"), Hardlink("d/b", "a"), Hardlink("d/c", "/d/b")))
		tree := Describe(t, root)
		for _, name := range []string{"d/b", "d/c"} {
			if !strings.HasSuffix(tree[name], "link of a") {
				t.Errorf("%s is %q, want a link of a", name, tree[name])
			}
		}
	})
	t.Run("part when one name is replaced", func(t *testing.T) {
		root := mustUnpack(t, Tar(t, File("a", "A"), Hardlink("b", "a")), Tar(t, File("a", "new")))
		wantContent(t, root, "a", "new")
		wantContent(t, root, "b", "A")
	})
	t.Run("to a symlink link the symlink", func(t *testing.T) {
		root := mustUnpack(t, Tar(t, Symlink("s", "/etc/shadow"), Hardlink("h", "s")))
		target, err := os.Readlink(filepath.Join(root, "h"))
		Must(t, err)
		if target != "/etc/shadow" {
			t.Errorf("h points to %q", target)
		}
	})
	t.Run("to nothing are an invalid image", func(t *testing.T) {
		_, err := unpack(t, roomy, Tar(t, Hardlink("b", "missing")))
		WantCode(t, err, fault.ImageInvalid)
	})
}

func TestReplacedKinds(t *testing.T) {
	root := mustUnpack(t,
		Tar(t, File("a", "file"), Dir("b"), File("b/x", "x"), Symlink("c", "b")),
		Tar(t, Dir("a"), File("a/y", "y"), File("b", "file"), Dir("c"), File("c/z", "z")),
		Tar(t, File("a", "again")))
	wantNames(t, root, "a", "b", "c", "c/z")
	wantContent(t, root, "a", "again")
	wantContent(t, root, "b", "file")
}

// capability is cap_net_raw, as the kernel stores it.
const capability = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func TestAttributes(t *testing.T) {
	root := mustUnpack(t, Tar(t,
		Dir(".").Owned(7, 8).WithMode(0o1555),
		File("setuid", "x").WithMode(0o4755).Owned(3_000_000, 4_000_000_000),
		Dir("sticky").WithMode(0o3777),
		File("ping", "x").WithXattr("security.capability", capability).WithXattr("user.note", "ü\x00y"),
		Device("null", tar.TypeChar, 1, 3), Device("disk", tar.TypeBlock, 259, 70000), Device("pipe", tar.TypeFifo, 0, 0),
		Symlink("link", "/absolute").Owned(5, 6),
		File("caf\xe9\n\"", "raw"),
		File("trusted", "x").WithXattr("trusted.overlay.opaque", "y"),
	))
	want := map[string]string{
		".":           "dtr-xr-xr-x 7:8 1614834367",
		"setuid":      `urwxr-xr-x 3000000:4000000000 1614834367 "x"`,
		"sticky":      "dgtrwxrwxrwx 0:0 1614834367",
		"ping":        `-rw-r--r-- 0:0 1614834367 "x" security.capability="` + escape(capability) + `" user.note="ü\x00y"`,
		"null":        "Dcrw-r----- 0:0 1614834367 device 1:3",
		"disk":        "Drw-r----- 0:0 1614834367 device 259:70000",
		"pipe":        "prw-r----- 0:0 1614834367",
		"link":        "Lrwxrwxrwx 5:6 1614834367 -> /absolute",
		"caf\xe9\n\"": `-rw-r--r-- 0:0 1614834367 "raw"`,
		"trusted":     `-rw-r--r-- 0:0 1614834367 "x"`,
	}
	got := Describe(t, root)
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%q is\n%s, want\n%s", name, got[name], text)
		}
	}
}

func escape(text string) string {
	var out strings.Builder
	for _, b := range []byte(text) {
		if b == ' ' {
			out.WriteByte(b)
			continue
		}
		out.WriteString(`\x` + string("0123456789abcdef"[b>>4]) + string("0123456789abcdef"[b&15]))
	}
	return out.String()
}

func TestDirectoryTimes(t *testing.T) {
	old, recent := time.Unix(1000, 0), time.Unix(2000, 0)
	root := mustUnpack(t,
		Tar(t, Dir("stated").At(old), Dir("restated").At(old), File("implied/x", "x").At(old)),
		Tar(t, File("stated/later", "x").At(recent), Dir("restated").At(recent), Whiteout("implied/", "x")))
	for name, want := range map[string]time.Time{"stated": old, "restated": recent, "implied": ModTime, ".": ModTime} {
		info, err := os.Stat(filepath.Join(root, name))
		Must(t, err)
		if !info.ModTime().Equal(want) {
			t.Errorf("%s is of %s, want %s", name, info.ModTime(), want)
		}
	}
}
