package layer_test

import (
	"archive/tar"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
	"bandsox.dev/agent/internal/image/layer"
)

// Each layer tries to reach `../outside`, a sibling of the root, or the host's
// own /etc. Whether it fails or is confined, nothing outside may change.
func TestNothingEscapesTheRoot(t *testing.T) {
	NeedRoot(t)
	for name, layers := range map[string][][]Entry{
		"names with ..":                    {{File("../outside/x", "evil"), File("a/../../outside/x", "evil"), File("..", "evil")}},
		"absolute names":                   {{File("/outside/x", "evil"), File("/etc/bandsox-escape", "evil")}},
		"a relative symlink in one layer":  {{Symlink("s", "../outside"), File("s/x", "evil")}},
		"a relative symlink across layers": {{Symlink("s", "../outside")}, {File("s/x", "evil")}},
		"an absolute symlink":              {{Symlink("s", "/etc")}, {File("s/bandsox-escape", "evil")}},
		"a chain of symlinks":              {{Symlink("a", "b/.."), Symlink("b", "../.."), File("a/outside/x", "evil")}},
		"a symlink loop":                   {{Symlink("a", "b"), Symlink("b", "a"), File("a/x", "evil")}},
		"writing to a symlinked file":      {{Symlink("f", "../outside/keep"), File("f", "evil")}},
		"a symlinked directory entry":      {{Symlink("s", "../outside"), Dir("s").WithMode(0o777).Owned(9, 9)}},
		"a whiteout through a symlink":     {{Symlink("s", "../outside")}, {Whiteout("s/", "keep")}},
		"an opaque symlink":                {{Symlink("s", "../outside")}, {Opaque("s")}},
		"a whiteout of ..":                 {{File("a/.wh...", ""), File(".wh...", "")}},
		"a whiteout of .":                  {{File("a/.wh..", "")}},
		"a hard link to ..":                {{Hardlink("h", "../outside/keep"), File("h", "evil")}},
		"an absolute hard link":            {{Hardlink("h", "/etc/passwd").WithMode(0o777)}},
		"a hard link through a symlink":    {{Symlink("s", "../outside"), Hardlink("h", "s/keep").Owned(9, 9)}},
		"a hard link to a symlink":         {{Symlink("s", "../outside/keep"), Hardlink("h", "s").WithMode(0o777).Owned(9, 9)}},
		"attributes through a symlink":     {{Symlink("s", "../outside/keep").WithXattr("user.evil", "1").Owned(9, 9)}},
		"a device through a symlink":       {{Symlink("s", "../outside")}, {Device("s/null", tar.TypeChar, 1, 3)}},
		"a global header":                  {{Entry{Header: tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"path": "../outside/keep"}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			root, outside := filepath.Join(dir, "rootfs"), filepath.Join(dir, "outside")
			Must(t, os.Mkdir(root, 0o755))
			Must(t, os.Mkdir(outside, 0o755))
			Must(t, os.WriteFile(filepath.Join(outside, "keep"), []byte("kept"), 0o600))
			before := Describe(t, outside)

			tree := layer.NewTree(root, roomy)
			for _, entries := range layers {
				if err := applyTar(t, tree, entries); err != nil {
					WantCode(t, err, fault.ImageInvalid)
					break
				}
			}
			Must(t, tree.Finish(ModTime))

			if after := Describe(t, outside); !maps.Equal(before, after) {
				t.Errorf("outside was %v and is %v", before, after)
			}
			if _, err := os.Lstat("/etc/bandsox-escape"); err == nil {
				os.Remove("/etc/bandsox-escape")
				t.Error("a file was written to the host's /etc")
			}
			siblings, err := os.ReadDir(dir)
			Must(t, err)
			if len(siblings) != 2 {
				t.Errorf("the parent of the root holds %v", siblings)
			}
		})
	}
}

func TestConfinedNamesLandInsideTheRoot(t *testing.T) {
	root := mustUnpack(t, Tar(t,
		File("../x", "dots"), File("/etc/x", "absolute"), Symlink("s", "/etc"), File("s/y", "through a symlink")))
	wantContent(t, root, "x", "dots")
	wantContent(t, root, "etc/x", "absolute")
	wantContent(t, root, "etc/y", "through a symlink")
}
