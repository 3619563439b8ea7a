package disk_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/blobstore"
	"bandsox.dev/agent/internal/image/disk"
	"bandsox.dev/agent/internal/image/event"
	. "bandsox.dev/agent/internal/image/imagetest"
	"bandsox.dev/agent/internal/image/layer"
)

const apparent = 1 << 30

// optionsFor builds into a new temporary directory.
func optionsFor(t *testing.T, store *blobstore.Store, manifest v1.Hash) disk.Options {
	t.Helper()
	NeedRoot(t)
	NeedTool(t, "mke2fs")
	NeedTool(t, "debugfs")
	dir := t.TempDir()
	return disk.Options{
		Store: store, Manifest: manifest, Staging: filepath.Join(dir, "staging"), Output: filepath.Join(dir, "base.ext4"),
		ApparentBytes: apparent, Limits: layer.Limits{MaxBytes: 1 << 30}, Emit: func(any) {},
	}
}

func mustBuild(t *testing.T, image Image) (string, event.Disk) {
	t.Helper()
	options := optionsFor(t, image.Store(t), image.Manifest.Digest)
	result, err := disk.Build(context.Background(), options)
	Must(t, err)
	return options.Output, result
}

func debugfs(t *testing.T, image, command string) string {
	t.Helper()
	return Run(t, NeedTool(t, "debugfs"), "-R", command, image)
}

// wantSound checks the whole filesystem without changing it.
func wantSound(t *testing.T, image string) {
	t.Helper()
	Run(t, NeedTool(t, "e2fsck"), "-f", "-n", image)
}

// stat returns the lines of debugfs about a file, blanks squeezed.
func stat(t *testing.T, image, path string) string {
	t.Helper()
	return strings.Join(strings.Fields(debugfs(t, image, `stat "`+path+`"`)), " ")
}

func wantAll(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, text)
		}
	}
}

func TestDiskHoldsTheImage(t *testing.T) {
	image := NewImage(t, nil,
		GzipLayer(t, Dir(".").WithMode(0o1755).Owned(11, 3_000_000), File("setuid", "hello").WithMode(0o6755).Owned(3_000_000, 4_000_000),
			Symlink("short", "/abs/target").Owned(7, 8), Symlink("long", "/"+strings.Repeat("x", 200)),
			Device("null", tar.TypeChar, 1, 3), Device("disk", tar.TypeBlock, 259, 70000), Device("pipe", tar.TypeFifo, 0, 0),
			File("noted", "n").WithXattr("user.note", "some text").WithXattr("user.big", strings.Repeat("y", 2000)),
			File("caf\xe9", "raw"), Hardlink("hard", "setuid").WithMode(0o6755).Owned(3_000_000, 4_000_000),
			File("gone", "x"), Dir("empty")),
		ZstdLayer(t, Whiteout("", "gone"), File("etc/hosts", "127.0.0.1 localhost")))
	output, result := mustBuild(t, image)
	wantSound(t, output)
	wantAll(t, "the root", stat(t, output, "/"), "Mode: 01755", "User: 11 Group: 3000000", "mtime: 0x60406abf")
	wantAll(t, "/setuid", stat(t, output, "/setuid"), "Type: regular Mode: 06755", "User: 3000000 Group: 4000000", "Links: 2", "Size: 5",
		"mtime: 0x60406abf", "ctime: 0x663881d9", "atime: 0x663881d9", "crtime: 0x663881d9")
	wantAll(t, "/short", stat(t, output, "/short"), "Type: symlink", "User: 7 Group: 8", `dest: "/abs/target"`, "mtime: 0x60406abf")
	wantAll(t, "/long", stat(t, output, "/long"), "Type: symlink", "Size: 201")
	wantAll(t, "/null", stat(t, output, "/null"), "Type: character special Mode: 0640", "number: 01:03")
	wantAll(t, "/disk", stat(t, output, "/disk"), "Type: block special", "number: 259:70000")
	wantAll(t, "/pipe", stat(t, output, "/pipe"), "Type: FIFO Mode: 0640")
	wantAll(t, "/etc", stat(t, output, "/etc"), "Type: directory Mode: 0755", "mtime: 0x663881d9")
	wantAll(t, "/noted", debugfs(t, output, "ea_get -V /noted user.note")+debugfs(t, output, "ea_list /noted"), "some text", "user.big (2000)")
	if content := debugfs(t, output, "cat /etc/hosts"); content != "127.0.0.1 localhost" {
		t.Errorf("/etc/hosts contains %q", content)
	}
	names := []string{}
	for line := range strings.Lines(debugfs(t, output, "ls -p /")) {
		if fields := strings.Split(line, "/"); len(fields) > 5 {
			names = append(names, fields[5])
		}
	}
	slices.Sort(names)
	want := []string{".", "..", "cafM-i", "disk", "empty", "etc", "hard", "long", "noted", "null", "pipe", "setuid", "short"}
	if plain := strings.ReplaceAll(strings.Join(names, " "), "caf\xe9", "cafM-i"); plain != strings.Join(want, " ") {
		t.Errorf("the root holds %q, want %q", names, want)
	}
	if result.Files != 12 || result.SkippedDevices != 0 || result.ApparentBytes != apparent || result.AllocatedBytes <= 0 {
		t.Errorf("got %+v", result)
	}
}

func TestDiskHasItsApparentSizeAndIsSparse(t *testing.T) {
	output, result := mustBuild(t, NewImage(t, nil, GzipLayer(t, File("a", "a"))))
	info, err := os.Stat(output)
	Must(t, err)
	if info.Size() != apparent || result.AllocatedBytes > 4<<20 {
		t.Errorf("%d bytes, %d allocated", info.Size(), result.AllocatedBytes)
	}
}

func TestSameManifestSameBytes(t *testing.T) {
	entries := []Entry{Dir("b"), File("b/x", "x"), Dir("a"), File("a/y", strings.Repeat("y", 100_000)), Dir("lost+found"), File("lost+found/f", "f")}
	for i := range 300 {
		entries = append(entries, File("b/file"+strings.Repeat("z", i%7)+string(rune('a'+i%26))+strings.Repeat("q", i%200)+string(rune('A'+i/200)), "x"))
	}
	image := NewImage(t, nil, GzipLayer(t, entries[:200]...), GzipLayer(t, entries[200:]...))
	var sums [][32]byte
	for range 2 {
		output, _ := mustBuild(t, image)
		wantSound(t, output)
		sums = append(sums, sumOf(t, output))
		time.Sleep(1100 * time.Millisecond) // the filesystem counts in seconds
	}
	if sums[0] != sums[1] {
		t.Error("two builds differ")
	}
}

func sumOf(t *testing.T, path string) (sum [32]byte) {
	t.Helper()
	file, err := os.Open(path)
	Must(t, err)
	defer file.Close()
	hasher := sha256.New()
	_, err = io.Copy(hasher, io.LimitReader(file, 128<<20)) // far more than the filesystem
	Must(t, err)
	hasher.Sum(sum[:0])
	return sum
}

func TestShapesThatStrainTheGeometry(t *testing.T) {
	many := []Entry{}
	for dir := range 20 {
		name := "d" + strings.Repeat("i", dir)
		many = append(many, Dir(name))
		for file := range 300 {
			many = append(many, File(name+"/"+strings.Repeat("n", 200)+strings.Repeat("m", file%50)+string(rune('0'+file/50)), ""))
		}
	}
	attributes := []Entry{}
	for i := range 1000 {
		name := "f" + strings.Repeat("x", i%200) + string(rune('a'+i/200))
		attributes = append(attributes, File(name, "x").WithXattr("user.unique", strings.Repeat(name, 10)[:min(3000, 10*len(name))]))
	}
	stripes := bytes.Repeat(append(bytes.Repeat([]byte{1}, 4096), make([]byte, 4096)...), 2000)
	for name, entries := range map[string][]Entry{
		"nothing":                   {},
		"many empty files":          many,
		"attributes in own blocks":  attributes,
		"a file of holes":           {File("stripes", string(stripes))},
		"a large file":              {File("large", strings.Repeat("large", 40<<20/5))},
		"symlinks of every length":  symlinks(),
		"a deep path":               {File(strings.Repeat("deep/", 398)+"file", "x")},
		"names of the longest size": {File(strings.Repeat("n", 255), "x"), Dir(strings.Repeat("d", 255))},
	} {
		t.Run(name, func(t *testing.T) {
			output, _ := mustBuild(t, NewImage(t, nil, GzipLayer(t, entries...)))
			wantSound(t, output)
		})
	}
}

func symlinks() []Entry {
	entries := []Entry{}
	for length := 1; length < 4095; length += 61 {
		entries = append(entries, Symlink("s"+strings.Repeat("s", length%250)+string(rune('a'+length/250)), strings.Repeat("t", length)))
	}
	return entries
}

func TestBuildReports(t *testing.T) {
	image := NewImage(t, nil, GzipLayer(t, File("a", "abc")), GzipLayer(t, File("b", "de")))
	options := optionsFor(t, image.Store(t), image.Manifest.Digest)
	var events []any
	options.Emit = func(e any) { events = append(events, e) }
	_, err := disk.Build(context.Background(), options)
	Must(t, err)
	first, second := image.Layers[0].Digest.String(), image.Layers[1].Digest.String()
	want := []any{
		event.Unpack{Type: "layer", Digest: first, Index: 0, Of: 2, State: "started"},
		event.Unpack{Type: "layer", Digest: first, Index: 0, Of: 2, State: "done", UnpackedBytes: 3},
		event.Unpack{Type: "layer", Digest: second, Index: 1, Of: 2, State: "started"},
		event.Unpack{Type: "layer", Digest: second, Index: 1, Of: 2, State: "done", UnpackedBytes: 2},
		event.Mkfs{Type: "mkfs"},
	}
	if !slices.Equal(events, want) {
		t.Errorf("got %+v", events)
	}
}
