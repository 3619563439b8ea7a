package files

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is what memory that may be in large pages begins at a multiple of.
const hugePage = 2 << 20

// bulkMemory is memory for large reads and writes of the disk itself. It is aligned for them, mapped for this one use, and in
// large pages where those fit and the kernel has any: it looks up each page, and tells the disk of each that is not beside the last.
type bulkMemory struct {
	mapped []byte
	buffer []byte
}

func newBulkMemory(size int) (*bulkMemory, error) {
	spare := 0
	if size >= hugePage {
		spare = hugePage
	}
	mapped, err := unix.Mmap(-1, 0, size+spare, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	if spare == 0 {
		return &bulkMemory{mapped, mapped}, nil
	}
	start := int(-uintptr(unsafe.Pointer(&mapped[0])) % hugePage)
	buffer := mapped[start : start+size]
	unix.Madvise(buffer, unix.MADV_HUGEPAGE) // without it, they are small ones
	return &bulkMemory{mapped, buffer}, nil
}

func (m *bulkMemory) release() { unix.Munmap(m.mapped) }
