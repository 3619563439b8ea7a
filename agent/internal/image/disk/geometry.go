package disk

import (
	"crypto/sha256"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	inodeBytes      = 256
	groupBlocks     = 8 * blockBytes // what one bitmap block covers
	descriptorBytes = 64
	// reservedInodes are the first ten of every ext filesystem and lost+found.
	reservedInodes = 11
	spareInodes    = 5
	// maxInodesPerGroup stays below what one inode bitmap covers, as mke2fs rounds up.
	maxInodesPerGroup = groupBlocks - 1024
	spareBlocks       = 4096
	// extentShare is the part of the data blocks set aside for extent trees of fragmented files.
	extentShare = 64
)

// geometry is the shape of a filesystem: a pure function of the content, so
// that the same image gives the same bytes.
type geometry struct {
	blocks int64
	inodes int64
}

// plan makes room for the content with some slack; free blocks take no space in
// a sparse file. The filesystem is never written to, so nothing is reserved.
func plan(found content) geometry {
	inodes := found.inodes + reservedInodes + spareInodes
	data := found.blocks + found.blocks/extentShare + inodes/extentShare + spareBlocks
	groups := max(divideUp(data, groupBlocks), divideUp(inodes, maxInodesPerGroup))
	for {
		total := data + groups*groupOverhead(groups) + divideUp(inodes*inodeBytes, blockBytes)
		needed := max(divideUp(total, groupBlocks), divideUp(inodes, maxInodesPerGroup))
		if needed <= groups {
			return geometry{blocks: max(total, (groups-1)*groupBlocks+groupBlocks/2), inodes: inodes}
		}
		groups = needed
	}
}

// groupOverhead is at most what one block group spends on bitmaps, a copy of
// the superblock and descriptors, and rounding up its inode table.
func groupOverhead(groups int64) int64 {
	return 2 + 1 + divideUp(groups*descriptorBytes, blockBytes) + 2
}

func (g geometry) bytes() int64 { return g.blocks * blockBytes }

// identity derives a filesystem's UUIDs from the manifest it was made of.
func identity(manifest v1.Hash) (filesystem, hashSeed string) {
	return uuidOf("filesystem " + manifest.Hex), uuidOf("hash seed " + manifest.Hex)
}

// uuidOf is a version 8 UUID: 122 bits of a digest.
func uuidOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
