package disk

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/imagetest"
)

// TestThePlanHoldsTheContent makes empty filesystems of many shapes and counts what is free in them.
func TestThePlanHoldsTheContent(t *testing.T) {
	tool := imagetest.NeedTool(t, "mke2fs")
	for _, inodes := range []int64{1, 5_000, 32_700, 33_000, 70_000, 1_000_000, 4_000_000} {
		for _, blocks := range []int64{1, 20_000, 28_600, 60_000, 524_288, 10_000_000} {
			shape := plan(content{inodes: inodes, blocks: blocks})
			output := filepath.Join(t.TempDir(), "disk")
			imagetest.Run(t, tool, "-q", "-F", "-b", "4096", "-I", "256", "-m", "0", "-O", features,
				"-N", fmt.Sprint(shape.inodes), output, fmt.Sprint(shape.blocks))
			freeBlocks, freeInodes := freeIn(t, output)
			if freeBlocks < blocks+blocks/extentShare || freeInodes < inodes {
				t.Errorf("%d blocks and %d inodes are free, want %d and %d", freeBlocks, freeInodes, blocks, inodes)
			}
			imagetest.Must(t, os.Remove(output))
		}
	}
}

func freeIn(t *testing.T, output string) (blocks, inodes int64) {
	t.Helper()
	file, err := os.Open(output)
	imagetest.Must(t, err)
	defer file.Close()
	super := make([]byte, superblockBytes)
	_, err = file.ReadAt(super, superblockAt)
	imagetest.Must(t, err)
	return int64(binary.LittleEndian.Uint32(super[0x0c:])), int64(binary.LittleEndian.Uint32(super[0x10:]))
}

func TestPlanGrowsWithTheContent(t *testing.T) {
	previous := int64(0)
	for blocks := int64(0); blocks < 500_000; blocks += 997 {
		got := plan(content{inodes: 10, blocks: blocks}).blocks
		if got < previous || got < blocks {
			t.Fatalf("%d blocks give %d, fewer gave %d", blocks, got, previous)
		}
		previous = got
	}
}

func TestIdentityIsOfTheManifest(t *testing.T) {
	one, seed := identity(v1.Hash{Algorithm: "sha256", Hex: "aa"})
	again, _ := identity(v1.Hash{Algorithm: "sha256", Hex: "aa"})
	two, _ := identity(v1.Hash{Algorithm: "sha256", Hex: "bb"})
	if one != again || one == two || one == seed || len(one) != 36 {
		t.Errorf("got %s, %s, %s and the seed %s", one, again, two, seed)
	}
}
