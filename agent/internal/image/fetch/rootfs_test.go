package fetch_test

import (
	"bytes"
	"context"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
	"bandsox.dev/agent/internal/image/layer"
	"bandsox.dev/agent/internal/image/source"
)

// plant makes a root directory with one of everything, in the given order.
func plant(t *testing.T, names ...string) string {
	t.Helper()
	NeedRoot(t)
	dir := t.TempDir()
	for _, name := range names {
		Must(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	Must(t, os.Mkdir(path("dir"), 0o755))
	Must(t, os.WriteFile(path("dir/setuid"), []byte("x"), 0o755))
	Must(t, os.Chown(path("dir/setuid"), 3_000_000, 7))
	Must(t, os.Chmod(path("dir/setuid"), 0o755|os.ModeSetuid))
	Must(t, unix.Lsetxattr(path("dir/setuid"), "user.note", []byte("text"), 0))
	Must(t, os.Link(path("dir/setuid"), path("hard")))
	Must(t, os.Symlink("/absolute", path("link")))
	Must(t, os.Lchown(path("link"), 5, 6))
	Must(t, unix.Mknod(path("null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	Must(t, unix.Mkfifo(path("pipe"), 0o600))
	Must(t, os.WriteFile(path("caf\xe9\n"), []byte("raw"), 0o600))
	Must(t, os.WriteFile(path("empty"), nil, 0o600))
	Must(t, os.Chmod(dir, 0o1711))
	Must(t, os.Chown(dir, 8, 9))
	for _, name := range []string{"dir/setuid", "dir", "link", "null", "pipe", "caf\xe9\n", "empty", "."} {
		setTime(t, path(name), ModTime)
	}
	for _, name := range names {
		setTime(t, path(name), ModTime)
	}
	setTime(t, dir, ModTime)
	return dir
}

func setTime(t *testing.T, path string, to time.Time) {
	t.Helper()
	stamp := unix.NsecToTimespec(to.UnixNano())
	Must(t, unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{stamp, stamp}, unix.AT_SYMLINK_NOFOLLOW))
}

// unpackTop unpacks the single layer of a fetched image.
func (o outcome) unpackTop(t *testing.T) string {
	t.Helper()
	Must(t, o.err)
	digest, err := v1.NewHash(o.image.Layers[0].Digest)
	Must(t, err)
	blob, err := o.store.OpenBlob(digest)
	Must(t, err)
	defer blob.Close()
	plain, _, err := layer.Decompress(blob)
	Must(t, err)
	defer plain.Close()
	root := t.TempDir()
	tree := layer.NewTree(root, layer.Limits{MaxBytes: 1 << 30})
	Must(t, tree.Apply(context.Background(), plain))
	Must(t, tree.Finish(time.Unix(0, 0)))
	return root
}

func TestADirectoryBecomesTheSameTree(t *testing.T) {
	dir := plant(t, "b", "a")
	want := Describe(t, dir)
	socket, err := net.Listen("unix", filepath.Join(dir, "socket"))
	Must(t, err)
	defer socket.Close()
	setTime(t, dir, ModTime)
	result := pull(t, context.Background(), "dir:"+dir, "linux/arm64/v8", func(options *source.Options) {
		options.Run = v1.Config{Env: []string{"A=b"}, Cmd: []string{"c"}, Entrypoint: []string{"e"}, WorkingDir: "/w", User: "u"}
	})
	got := Describe(t, result.unpackTop(t))
	if !maps.Equal(got, want) {
		t.Errorf("got\n%v, want\n%v", got, want)
	}
	config := result.image.Config
	if config.Env[0] != "A=b" || config.Cmd[0] != "c" || config.Entrypoint[0] != "e" || config.WorkingDir != "/w" || config.User != "u" {
		t.Errorf("the config is %+v", config)
	}
	if result.image.Platform != "linux/arm64/v8" || result.image.Created != "1970-01-01T00:00:00Z" {
		t.Errorf("it is for %s, of %s", result.image.Platform, result.image.Created)
	}
}

func TestEqualDirectoriesGiveEqualImages(t *testing.T) {
	one := pull(t, context.Background(), "dir:"+plant(t, "a", "b", "c"), "linux/amd64", nil)
	two := pull(t, context.Background(), "dir:"+plant(t, "c", "a", "b"), "linux/amd64", nil)
	Must(t, one.err)
	if one.image.Digest != two.image.Digest {
		t.Errorf("%s and %s", one.image.Digest, two.image.Digest)
	}
}

func TestDirectoriesThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	Must(t, os.WriteFile(filepath.Join(dir, ".wh.x"), nil, 0o600))
	WantCode(t, pull(t, context.Background(), "dir:"+dir, "linux/amd64", nil).err, fault.ImageUnsupported)
	WantCode(t, pull(t, context.Background(), "dir:"+dir+"/.wh.x", "linux/amd64", nil).err, fault.ImageInvalid)
	WantCode(t, pull(t, context.Background(), "dir:"+dir+"/absent", "linux/amd64", nil).err, fault.ImageNotFound)
}

func TestALargeDirectoryIsBounded(t *testing.T) {
	dir := t.TempDir()
	Must(t, os.WriteFile(filepath.Join(dir, "large"), make([]byte, 1<<20), 0o600))
	result := pull(t, context.Background(), "dir:"+dir, "linux/amd64", func(options *source.Options) { options.MaxBytes = 1 << 19 })
	WantCode(t, result.err, fault.ImageTooLarge)
	result.wantNoScratch(t)
}

func TestOtherFilesystemsAreLeftOut(t *testing.T) {
	NeedRoot(t)
	dir := t.TempDir()
	mount := filepath.Join(dir, "mount")
	Must(t, os.Mkdir(mount, 0o755))
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, ""); err != nil {
		t.Skipf("skipped: cannot mount a tmpfs: %v", err)
	}
	defer syscall.Unmount(mount, syscall.MNT_DETACH)
	Must(t, os.WriteFile(filepath.Join(mount, "inside"), nil, 0o600))
	root := pull(t, context.Background(), "dir:"+dir, "linux/amd64", nil).unpackTop(t)
	if names := strings.Join(Names(t, root), " "); names != "mount" {
		t.Errorf("the image holds %s", names)
	}
}

func TestATarBecomesTheSameTree(t *testing.T) {
	NeedRoot(t)
	plain := Tar(t, Dir("."), File("a", strings.Repeat("a", 10_000)).Owned(3_000_000, 7), Symlink("s", "a"))
	diffID := Digest(t, plain).String()
	for name, content := range map[string][]byte{"plain": plain, "gzip": Gzip(t, plain), "zstd": Zstd(t, plain)} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rootfs")
			Must(t, os.WriteFile(path, content, 0o600))
			result := pull(t, context.Background(), "tar:"+path, "linux/amd64", nil)
			if names := strings.Join(Names(t, result.unpackTop(t)), " "); names != "a s" {
				t.Errorf("the image holds %s", names)
			}
			layer := result.image.Layers[0]
			if layer.DiffID != diffID || layer.Digest != Digest(t, content).String() {
				t.Errorf("got %+v", layer)
			}
		})
	}
}

func TestTarsThatAreRefused(t *testing.T) {
	dir := t.TempDir()
	packed := Gzip(t, Tar(t, File("a", strings.Repeat("a", 10_000))))
	for name, row := range map[string]struct {
		content []byte
		want    fault.Code
	}{
		"text":             {bytes.Repeat([]byte("text"), 1000), fault.ImageInvalid},
		"nothing":          {nil, fault.ImageInvalid},
		"compressed text":  {Gzip(t, bytes.Repeat([]byte("text"), 1000)), fault.ImageInvalid},
		"a truncated gzip": {packed[:len(packed)/2], fault.ImageInvalid},
		"xz":               {[]byte("\xfd7zXZ\x00\x00\x00"), fault.ImageUnsupported},
		"a bomb":           {Gzip(t, Tar(t, File("a", string(make([]byte, 8<<20))))), fault.ImageTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "rootfs")
			Must(t, os.WriteFile(path, row.content, 0o600))
			result := pull(t, context.Background(), "tar:"+path, "linux/amd64", func(options *source.Options) { options.MaxBytes = 1 << 20 })
			WantCode(t, result.err, row.want)
			result.wantNoScratch(t)
		})
	}
	WantCode(t, pull(t, context.Background(), "tar:"+dir, "linux/amd64", nil).err, fault.ImageInvalid)
	WantCode(t, pull(t, context.Background(), "tar:"+dir+"/absent", "linux/amd64", nil).err, fault.ImageNotFound)
}
