package layer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sys/unix"

	. "bandsox.dev/agent/internal/image/imagetest"
)

// step makes one layer: it fills an empty directory, which GNU tar packs with the flags it returns.
type step func(t *testing.T, dir string) (flags []string)

// TestNastyLayersAreUnpackedAsUmociDoes packs with GNU tar what other tools
// have got wrong, and compares our tree with that of `umoci unpack`. Old GNU
// sparse files, which umoci refuses, are compared with their content elsewhere.
func TestNastyLayersAreUnpackedAsUmociDoes(t *testing.T) {
	NeedRoot(t)
	umoci, gnuTar := NeedTool(t, "umoci"), NeedTool(t, "tar")
	for name, steps := range map[string][]step{
		"owners above two million": {func(t *testing.T, dir string) []string {
			write(t, dir, "a", "a")
			Must(t, os.Chown(filepath.Join(dir, "a"), 3_000_000, 4_294_967_294))
			return []string{"--format=posix"}
		}},
		"owners above two million in GNU base-256": {func(t *testing.T, dir string) []string {
			write(t, dir, "a", "a")
			Must(t, os.Chown(filepath.Join(dir, "a"), 3_000_000, 2_097_152))
			return []string{"--format=gnu"}
		}},
		"sparse files, PAX 0.0":    {sparse("--format=posix", "--sparse-version=0.0")},
		"sparse files, PAX 0.1":    {sparse("--format=posix", "--sparse-version=0.1")},
		"sparse files, PAX 1.0":    {sparse("--format=posix", "--sparse-version=1.0")},
		"devices, pipes, sticky":   {devices},
		"names that are no UTF-8":  {oddNames("--format=gnu")},
		"long names, PAX":          {longNames("--format=posix")},
		"long names, GNU":          {longNames("--format=gnu")},
		"file capabilities":        {capabilities},
		"set-id bits":              {setIDs},
		"times of every size":      {times},
		"hard links in one layer":  {hardlinks},
		"hard links across layers": {hardlinks, linkAcross},
		"opaque directories": {tree("d/old", "d/sub/old", "keep"), func(t *testing.T, dir string) []string {
			write(t, dir, "d/.wh..wh..opq", "")
			write(t, dir, "d/new", "new")
			return nil
		}},
		"whiteouts of a file, a tree, nothing": {tree("f", "d/a", "d/b/c", "keep"), tree(".wh.f", ".wh.d", ".wh.absent")},
		"a file becomes a directory and back":  {tree("x"), tree("x/inside"), tree("x")},
		"a directory becomes a symlink and back": {tree("x/inside", "other/y"), func(t *testing.T, dir string) []string {
			Must(t, os.Symlink("other", filepath.Join(dir, "x")))
			return nil
		}, tree("x/again")},
		"an empty layer":           {tree("a"), func(*testing.T, string) []string { return nil }, tree("b")},
		"symlinks that lead out":   {symlinks},
		"symlinks that are loops":  {symlinkLoop},
		"a replaced symlink":       {symlinkTo("target"), tree("s")},
		"many files in one layer":  {manyFiles},
		"modes without any access": {noAccess},
	} {
		t.Run(name, func(t *testing.T) {
			layers, plain := []Blob{}, [][]byte{}
			for _, fill := range steps {
				packed := packWithTar(t, gnuTar, fill)
				layers = append(layers, Blob{Plain: packed, Packed: Gzip(t, packed), MediaType: types.OCILayer})
				plain = append(plain, packed)
			}
			ours := Describe(t, mustUnpack(t, plain...))
			dir := t.TempDir()
			NewImage(t, nil, layers...).WriteLayout(t, filepath.Join(dir, "layout"), "tag")
			Run(t, umoci, "unpack", "--image", filepath.Join(dir, "layout")+":tag", filepath.Join(dir, "bundle"))
			wantSameTree(t, ours, Describe(t, filepath.Join(dir, "bundle", "rootfs")))
		})
	}
}

func wantSameTree(t *testing.T, ours, theirs map[string]string) {
	t.Helper()
	for name, text := range theirs {
		if ours[name] != text {
			t.Errorf("%q is\n%s, umoci makes it\n%s", name, ours[name], text)
		}
	}
	for name := range ours {
		if _, ok := theirs[name]; !ok {
			t.Errorf("%q does not exist with umoci", name)
		}
	}
	if len(ours) < 2 {
		t.Error("the tree is empty")
	}
}

// thenDelete marks, among tar's flags, an entry that is taken out of the archive again.
const thenDelete = "delete "

func packWithTar(t *testing.T, gnuTar string, fill step) []byte {
	t.Helper()
	dir := t.TempDir()
	flags := fill(t, dir)
	Must(t, os.Chtimes(dir, ModTime, ModTime))
	output := filepath.Join(t.TempDir(), "layer.tar")
	args, deleted := []string{"--numeric-owner", "--sort=name", "-C", dir, "-cf", output}, []string{}
	for _, flag := range flags {
		if name, ok := strings.CutPrefix(flag, thenDelete); ok {
			deleted = append(deleted, name)
		} else {
			args = append(args, flag)
		}
	}
	Run(t, gnuTar, append(args, ".")...)
	for _, name := range deleted {
		Run(t, gnuTar, "--delete", "-f", output, name)
	}
	packed, err := os.ReadFile(output)
	Must(t, err)
	return packed
}

// write makes a file whose time is always the same: what a link of another layer says of the file it names is not taken over by
// umoci, as it is by others.
func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	Must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	Must(t, os.WriteFile(path, []byte(content), 0o644))
	Must(t, os.Chtimes(path, ModTime, ModTime))
}

// tree makes files with their names as content.
func tree(names ...string) step {
	return func(t *testing.T, dir string) []string {
		for _, name := range names {
			write(t, dir, name, strings.Repeat(name, len(name)%2)) // whiteouts and the like may be empty or not
		}
		return nil
	}
}

func sparse(flags ...string) step {
	return func(t *testing.T, dir string) []string {
		file, err := os.Create(filepath.Join(dir, "sparse"))
		Must(t, err)
		for _, offset := range []int64{0, 1 << 20, 3<<20 + 17} {
			_, err := file.WriteAt([]byte(fmt.Sprint("data at ", offset)), offset)
			Must(t, err)
		}
		Must(t, file.Truncate(5<<20))
		Must(t, file.Close())
		write(t, dir, "after", "what follows a sparse file")
		Must(t, os.Truncate(filepath.Join(dir, "after"), 26))
		hole, err := os.Create(filepath.Join(dir, "hole"))
		Must(t, err)
		Must(t, hole.Truncate(1<<20))
		Must(t, hole.Close())
		return append([]string{"--sparse"}, flags...)
	}
}

func devices(t *testing.T, dir string) []string {
	mknod := func(name string, mode uint32, major, minor uint32) {
		Must(t, unix.Mknod(filepath.Join(dir, name), mode, int(unix.Mkdev(major, minor))))
	}
	mknod("null", unix.S_IFCHR|0o666, 1, 3)
	mknod("loop0", unix.S_IFBLK|0o660, 7, 0)
	mknod("large", unix.S_IFCHR|0o600, 511, 1048575)
	mknod("pipe", unix.S_IFIFO|0o600, 0, 0)
	Must(t, os.Mkdir(filepath.Join(dir, "tmp"), 0o777))
	Must(t, os.Chmod(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky))
	return nil
}

func oddNames(flags ...string) step {
	return func(t *testing.T, dir string) []string {
		for _, name := range []string{"caf\xe9", "\xff\xfe", "new\nline", " space ", "-dash", "back\\slash", "*", "…", "e\u0301"} {
			write(t, dir, "n/"+name, "x")
		}
		return flags
	}
}

func longNames(flags ...string) step {
	return func(t *testing.T, dir string) []string {
		long := strings.Repeat("n", 255)
		write(t, dir, filepath.Join(long, long, long, "file"), "deep")
		Must(t, os.Symlink(strings.Repeat("../x/", 300), filepath.Join(dir, "link")))
		return flags
	}
}

// netBindService is a version 2 capability: cap_net_bind_service, permitted and effective.
const netBindService = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func capabilities(t *testing.T, dir string) []string {
	write(t, dir, "server", "program")
	path := filepath.Join(dir, "server")
	Must(t, os.Chown(path, 7, 7)) // before: it clears capabilities
	Must(t, unix.Lsetxattr(path, "security.capability", []byte(netBindService), 0))
	if err := unix.Lsetxattr(path, "user.note", []byte("kept\x00whole"), 0); err != nil && err != unix.ENOTSUP {
		t.Fatal(err)
	}
	return []string{"--xattrs", "--xattrs-include=*", "--format=posix"}
}

func setIDs(t *testing.T, dir string) []string {
	for name, mode := range map[string]os.FileMode{"uid": os.ModeSetuid | 0o755, "gid": os.ModeSetgid | 0o750, "both": os.ModeSetuid | os.ModeSetgid | 0o511} {
		write(t, dir, name, name)
		Must(t, os.Chown(filepath.Join(dir, name), 12, 34)) // before: it clears the bits
		Must(t, os.Chmod(filepath.Join(dir, name), mode))
	}
	return nil
}

func times(t *testing.T, dir string) []string {
	for name, at := range map[string]time.Time{
		"fraction": time.Unix(1_500_000_000, 123_456_789), "zero": time.Unix(0, 0), "last": time.Unix(1<<31-1, 0),
	} {
		write(t, dir, name, name)
		Must(t, os.Chtimes(filepath.Join(dir, name), at, at))
	}
	return []string{"--format=posix"}
}

func hardlinks(t *testing.T, dir string) []string {
	write(t, dir, "a/first", "linked")
	Must(t, os.Link(filepath.Join(dir, "a/first"), filepath.Join(dir, "second")))
	Must(t, os.Symlink("a/first", filepath.Join(dir, "soft")))
	Must(t, os.Link(filepath.Join(dir, "soft"), filepath.Join(dir, "softlink")))
	return nil
}

// linkAcross links to a file of the layer below: tar packs both names, and the first is taken out again.
func linkAcross(t *testing.T, dir string) []string {
	write(t, dir, "a/first", "linked")
	Must(t, os.Link(filepath.Join(dir, "a/first"), filepath.Join(dir, "z-third")))
	return []string{thenDelete + "./a/first"}
}

func symlinks(t *testing.T, dir string) []string {
	for name, target := range map[string]string{
		"etc": "/etc", "up": "../../../..", "proc": "/proc/self/root", "dangling": "nowhere/at/all", "self": ".",
	} {
		Must(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	return nil
}

func symlinkLoop(t *testing.T, dir string) []string {
	Must(t, os.Symlink("b", filepath.Join(dir, "a")))
	Must(t, os.Symlink("a", filepath.Join(dir, "b")))
	return nil
}

func symlinkTo(target string) step {
	return func(t *testing.T, dir string) []string {
		write(t, dir, target, "what it led to")
		Must(t, os.Symlink(target, filepath.Join(dir, "s")))
		return nil
	}
}

func manyFiles(t *testing.T, dir string) []string {
	for index := range 3000 {
		write(t, dir, fmt.Sprintf("%d/%d", index%10, index), "x")
	}
	return nil
}

func noAccess(t *testing.T, dir string) []string {
	write(t, dir, "closed/file", "x")
	Must(t, os.Chmod(filepath.Join(dir, "closed/file"), 0))
	Must(t, os.Chmod(filepath.Join(dir, "closed"), 0))
	return nil
}
