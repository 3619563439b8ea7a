package files

import (
	"io"

	"bandsox.dev/agent/internal/dataframe"
	"golang.org/x/sys/unix"
)

const (
	// bulkSize is how many bytes go to the disk at once: a direct write costs an emulated guest 1 to 2 ms,
	// however large it is.
	bulkSize = 4 << 20
	// bulkFrom is how many bytes of a file go through the page cache before it counts as large.
	bulkFrom = 1 << 20
	// bulkLimit is how many transfers to the guest have such a buffer; the others write through the page cache.
	bulkLimit = 2
	// blockSize is what the kernel wants direct reads and writes to be aligned to, in memory and in the file.
	blockSize = 4096
)

var bulkSlots = make(chan struct{}, bulkLimit)

// receiveWhole writes data from offset until its verified end, like receive. What is large goes round the page cache:
// where each page costs a trap into an emulator, filling the cache takes as long as the transfer.
func receiveWhole(fd int, from *dataframe.Reader, offset int64) error {
	first := &firstPart{from: from, left: bulkFrom}
	offset, err := receive(fd, first, offset)
	if err != nil || !first.isMore() {
		return err
	}
	select {
	case bulkSlots <- struct{}{}:
		defer func() { <-bulkSlots }()
		return receiveBulk(fd, from, offset)
	default:
		_, err := receive(fd, from, offset)
		return err
	}
}

// payloads are data that comes in pieces, until io.EOF.
type payloads interface{ Next() ([]byte, error) }

// firstPart ends after some of the data.
type firstPart struct {
	from  *dataframe.Reader
	left  int
	ended bool
}

func (f *firstPart) Next() ([]byte, error) {
	if f.left <= 0 {
		return nil, io.EOF
	}
	payload, err := f.from.Next()
	f.left -= len(payload)
	f.ended = err != nil
	return payload, err
}

func (f *firstPart) isMore() bool { return !f.ended }

func receiveBulk(fd int, from *dataframe.Reader, offset int64) error {
	memory, err := newBulkMemory(bulkSize)
	if err != nil {
		_, err := receive(fd, from, offset)
		return err
	}
	defer memory.release()
	b := newBulk(fd, offset, memory.buffer)
	for {
		n, err := from.Fill(b.space())
		b.filled += n
		if err == nil {
			if err = b.writeFull(); err != nil {
				return err
			}
			continue
		}
		// Also of a transfer that broke, all that came is kept: it is gone on with there.
		if failure := b.finish(); failure != nil {
			return failure
		}
		if err == io.EOF {
			return nil
		}
		return err
	}
}

// bulk gathers bytes for large aligned writes.
type bulk struct {
	fd     int
	offset int64 // of what is in the buffer
	memory []byte
	buffer []byte // of the memory, what is filled before the next write
	filled int
	direct bool
}

// newBulk makes its first write one that the next ones are aligned after.
func newBulk(fd int, offset int64, memory []byte) *bulk {
	return &bulk{fd: fd, offset: offset, memory: memory, buffer: memory[:len(memory)-int(offset%blockSize)]}
}

// space is what is to be filled before the next write.
func (b *bulk) space() []byte { return b.buffer[b.filled:] }

// writeFull is for when there is no space left.
func (b *bulk) writeFull() error {
	b.setDirect(b.offset%blockSize == 0)
	return b.flush()
}

func (b *bulk) flush() error {
	err := writeAll(b.fd, b.buffer[:b.filled], b.offset)
	if err == unix.EINVAL && b.direct { // the file system took the flag and wants another alignment
		b.setDirect(false)
		err = writeAll(b.fd, b.buffer[:b.filled], b.offset)
	}
	b.offset += int64(b.filled)
	b.filled, b.buffer = 0, b.memory
	return err
}

func (b *bulk) finish() error {
	b.setDirect(false)
	return b.flush()
}

// setDirect chooses between the disk and the page cache for what is written next.
func (b *bulk) setDirect(direct bool) {
	if b.direct != direct && setDirect(b.fd, direct) {
		b.direct = direct
	}
}

// setDirect makes an open file one of the disk, or of the page cache; it tells whether it is. File systems without a disk have
// only the latter.
func setDirect(fd int, direct bool) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return false
	}
	wanted := flags &^ unix.O_DIRECT
	if direct {
		wanted |= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, wanted)
	return err == nil
}
