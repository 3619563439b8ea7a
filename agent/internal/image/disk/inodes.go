package disk

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The few fields of an ext4 filesystem that lead to its inode bitmaps, as byte
// offsets. Integers are little-endian.
const (
	superblockAt      = 1024
	superblockBytes   = 1024
	superInodes       = 0x00 // u32
	superInodesPerGrp = 0x28 // u32
	superMagic        = 0x38 // u16
	extMagic          = 0xef53

	descriptorsAt    = blockBytes // the block after the superblock's
	groupInodeMapLow = 0x04       // u32
	groupInodeMapHi  = 0x24       // u32
	groupFlags       = 0x12       // u16
	groupInodesUnset = 0x1        // the bitmap is not written: no inode is in use
)

// eachInode calls visit with the number of every inode in use, in order.
func eachInode(filesystem io.ReaderAt, visit func(inode uint64)) error {
	super := make([]byte, superblockBytes)
	if _, err := filesystem.ReadAt(super, superblockAt); err != nil {
		return fmt.Errorf("read superblock: %w", err)
	}
	if binary.LittleEndian.Uint16(super[superMagic:]) != extMagic {
		return fmt.Errorf("read superblock: it is not ext4")
	}
	inodes := uint64(binary.LittleEndian.Uint32(super[superInodes:]))
	perGroup := uint64(binary.LittleEndian.Uint32(super[superInodesPerGrp:]))
	descriptor, bitmap := make([]byte, descriptorBytes), make([]byte, blockBytes)
	for group := range (inodes + perGroup - 1) / perGroup {
		if _, err := filesystem.ReadAt(descriptor, int64(descriptorsAt+group*descriptorBytes)); err != nil {
			return fmt.Errorf("read descriptor of group %d: %w", group, err)
		}
		if binary.LittleEndian.Uint16(descriptor[groupFlags:])&groupInodesUnset != 0 {
			continue
		}
		block := uint64(binary.LittleEndian.Uint32(descriptor[groupInodeMapHi:]))<<32 |
			uint64(binary.LittleEndian.Uint32(descriptor[groupInodeMapLow:]))
		if _, err := filesystem.ReadAt(bitmap, int64(block*blockBytes)); err != nil {
			return fmt.Errorf("read inode bitmap of group %d: %w", group, err)
		}
		for bit := range min(perGroup, inodes-group*perGroup) {
			if bitmap[bit/8]&(1<<(bit%8)) != 0 {
				visit(group*perGroup + bit + 1)
			}
		}
	}
	return nil
}
