package boot

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestAModuleThatCannotBeLoadedFirstIsLeftToTheRest(t *testing.T) {
	directory := t.TempDir()
	order := "# their order\nvirtio_ring.ko\n\n  virtio.ko\noverlay.ko\n"
	if err := os.WriteFile(filepath.Join(directory, "order"), []byte(order), 0o600); err != nil {
		t.Fatal(err)
	}
	modules, err := FindModules(directory)
	if err != nil {
		t.Fatal(err)
	}
	modules.LoadFirst(PortModules) // none of the files is there
	if want := []string{"virtio_ring.ko", "virtio.ko", "overlay.ko"}; !slices.Equal(modules.names, want) {
		t.Errorf("left are %v, not %v", modules.names, want)
	}
}

func TestAKernelWithAllBuiltInHasNoModules(t *testing.T) {
	modules, err := FindModules(t.TempDir())
	if err != nil || len(modules.names) != 0 {
		t.Errorf("FindModules() = %v, %v", modules, err)
	}
}
