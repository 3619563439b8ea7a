package disk_test

import (
	"archive/tar"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"bandsox.dev/agent/internal/image/disk"
	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
)

// wide is more names in one directory than mke2fs is given.
func wide(names int) []Entry {
	entries := []Entry{Dir("wide")}
	for i := range names {
		entries = append(entries, File(fmt.Sprintf("wide/%s%05d", strings.Repeat("n", i%90), i), "x"))
	}
	return entries
}

func TestADiskWithAWideDirectoryHoldsTheImage(t *testing.T) {
	const names = 12_000
	image := NewImage(t, nil,
		GzipLayer(t, append(wide(names), Dir(".").WithMode(0o1755).Owned(11, 3_000_000),
			File("setuid", "hello").WithMode(0o6755).Owned(3_000_000, 4_000_000), Hardlink("hard", "setuid").WithMode(0o6755).Owned(3_000_000, 4_000_000),
			Symlink("short", "/abs/target").Owned(7, 8), Symlink("long", "/"+strings.Repeat("x", 200)), Dir("deep/er"),
			Device("null", tar.TypeChar, 1, 3), Device("disk", tar.TypeBlock, 259, 70000), Device("pipe", tar.TypeFifo, 0, 0),
			File("small", "n").WithXattr("user.note", "some text"), File("noted", "n").WithXattr("user.big", strings.Repeat("y", 2000)),
			File("caf\xe9", "raw"), File("zeros", string(make([]byte, 20<<20))), File("empty", ""))...))
	output, result := mustBuild(t, image)
	wantSound(t, output)
	wantAll(t, "the filesystem", Run(t, NeedTool(t, "dumpe2fs"), "-h", output), "read-only")
	wantAll(t, "the root", stat(t, output, "/"), "Mode: 01755", "User: 11 Group: 3000000", "mtime: 0x60406abf")
	wantAll(t, "/setuid", stat(t, output, "/setuid"), "Type: regular Mode: 06755", "User: 3000000 Group: 4000000", "Links: 2", "Size: 5",
		"mtime: 0x60406abf", "ctime: 0x663881d9", "atime: 0x663881d9")
	wantAll(t, "/short", stat(t, output, "/short"), "Type: symlink", "User: 7 Group: 8", `dest: "/abs/target"`)
	wantAll(t, "/long", stat(t, output, "/long"), "Type: symlink", "Size: 201")
	wantAll(t, "/null", stat(t, output, "/null"), "Type: character special Mode: 0640", "number: 01:03")
	wantAll(t, "/disk", stat(t, output, "/disk"), "Type: block special", "number: 259:70000")
	wantAll(t, "/pipe", stat(t, output, "/pipe"), "Type: FIFO Mode: 0640")
	wantAll(t, "/small", debugfs(t, output, "ea_get -V /small user.note"), "some text")
	wantAll(t, "/noted", debugfs(t, output, "ea_list /noted"), "user.big (2000)")
	if last := debugfs(t, output, fmt.Sprintf("cat /wide/%s%05d", strings.Repeat("n", (names-1)%90), names-1)); last != "x" {
		t.Errorf("the last file contains %q", last)
	}
	if root := debugfs(t, output, "ls -p /"); strings.Contains(root, "lost+found") {
		t.Errorf("the root holds %s", root)
	}
	if content := names * int64(4096); result.AllocatedBytes > content+32<<20 {
		t.Errorf("%d bytes are allocated for %d of content: the zeros are", result.AllocatedBytes, content)
	}
}

func TestAWideDirectoryGivesTheSameBytesEachTime(t *testing.T) {
	image := NewImage(t, nil, GzipLayer(t, append(wide(6000), Dir("lost+found"), File("lost+found/f", "f"))...))
	var sums [][32]byte
	for range 2 {
		output, _ := mustBuild(t, image)
		wantSound(t, output)
		wantAll(t, "lost+found", debugfs(t, output, "ls -p /lost+found"), "/f/")
		sums = append(sums, sumOf(t, output))
		time.Sleep(1100 * time.Millisecond) // the filesystem counts in seconds
	}
	if sums[0] != sums[1] {
		t.Error("two builds differ")
	}
}

func TestAWideDirectoryWithAttributeListsIsKeptWhole(t *testing.T) {
	image := NewImage(t, nil, GzipLayer(t, append(wide(5000),
		File("listed", "x").WithXattr("user.one", strings.Repeat("1", 300)).WithXattr("security.another", strings.Repeat("2", 300)))...))
	output, _ := mustBuild(t, image)
	wantSound(t, output)
	wantAll(t, "/listed", debugfs(t, output, "ea_list /listed"), "user.one (300)", "security.another (300)")
}

func TestAWideDirectoryThatDoesNotFitIsRefused(t *testing.T) {
	image := NewImage(t, nil, GzipLayer(t, wide(6000)...))
	options := optionsFor(t, image.Store(t), image.Manifest.Digest)
	options.ApparentBytes = 8 << 20
	_, err := disk.Build(context.Background(), options)
	WantCode(t, err, fault.ImageTooLarge)
}
