package layer_test

import (
	"archive/tar"
	"path/filepath"
	"testing"

	. "bandsox.dev/agent/internal/image/imagetest"
)

// TestSameTreeAsUmoci compares with another implementation of the image specification.
func TestSameTreeAsUmoci(t *testing.T) {
	NeedRoot(t)
	umoci := NeedTool(t, "umoci")
	layers := []Blob{
		GzipLayer(t, Dir(".").Owned(1, 2).WithMode(0o711),
			Dir("bin"), File("bin/su", "su").WithMode(0o4755), File("bin/ping", "ping").WithXattr("user.note", "x"),
			Dir("etc"), File("etc/passwd", "root").Owned(3_000_000, 7), Symlink("sbin", "bin"), Symlink("abs", "/etc"),
			Hardlink("bin/sulink", "bin/su").WithMode(0o4755), Dir("gone"), File("gone/a", "a"), Dir("opaque"), File("opaque/old", "old"),
			Device("pipe", tar.TypeFifo, 0, 0), Device("null", tar.TypeChar, 1, 3), File("kind", "file"),
			Dir("kinddir"), File("kinddir/x", "x"), File("caf\xe9", "raw"), Dir("sticky").WithMode(0o1777)),
		GzipLayer(t, Whiteout("", "gone"), Dir("opaque"), Opaque("opaque"), File("opaque/new", "new"),
			Dir("kind"), File("kind/now", "dir"), File("kinddir", "now a file"),
			File("sbin/extra", "through a symlink"), File("abs/hosts", "through an absolute symlink"),
			Hardlink("etc/su", "bin/su").WithMode(0o4755)),
		GzipLayer(t, Whiteout("etc/", "passwd"), File("kind", "file again"), File("etc/passwd-", "backup"), Whiteout("", "absent")),
	}
	plain := [][]byte{}
	for _, content := range layers {
		plain = append(plain, content.Plain)
	}
	ours := Describe(t, mustUnpack(t, plain...))

	dir := t.TempDir()
	NewImage(t, nil, layers...).WriteLayout(t, filepath.Join(dir, "layout"), "tag")
	Run(t, umoci, "unpack", "--image", filepath.Join(dir, "layout")+":tag", filepath.Join(dir, "bundle"))
	theirs := Describe(t, filepath.Join(dir, "bundle", "rootfs"))

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
}
