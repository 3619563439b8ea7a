package layer_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
	"bandsox.dev/agent/internal/image/layer"
)

func TestAttributesAreNotLostSilently(t *testing.T) {
	NeedRoot(t)
	dir := t.TempDir()
	if err := syscall.Mount("ramfs", dir, "ramfs", 0, ""); err != nil {
		t.Skipf("skipped: cannot mount a filesystem without attributes: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	root := filepath.Join(dir, "rootfs")
	Must(t, os.Mkdir(root, 0o755))
	tree := layer.NewTree(root, roomy)
	Must(t, applyTar(t, tree, []Entry{File("plain", "x"), File("label", "x").WithXattr("security.selinux", "label")}))
	capable := Tar(t, File("ping", "x").WithXattr("security.capability", capability))
	WantCode(t, tree.Apply(context.Background(), bytes.NewReader(capable)), fault.ImageUnsupported)
	left, err := os.ReadDir(dir)
	Must(t, err)
	if len(left) != 1 {
		t.Errorf("%v lies beside the root", left)
	}
}

func TestTimesThatExt4CannotHoldAreBounded(t *testing.T) {
	late := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	early := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	root := mustUnpack(t, Tar(t, File("late", "x").At(late), Dir("latedir").At(late), File("early", "x").At(early), Dir("earlydir").At(early)))
	for name, want := range map[string]int64{"late": 1<<31 - 1, "latedir": 1<<31 - 1, "early": 0, "earlydir": 0} {
		info, err := os.Stat(filepath.Join(root, name))
		Must(t, err)
		if got := info.ModTime().Unix(); got != want {
			t.Errorf("%s is of %d, want %d", name, got, want)
		}
	}
}
