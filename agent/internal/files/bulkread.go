package files

import (
	"bandsox.dev/agent/internal/dataframe"
	"golang.org/x/sys/unix"
)

const (
	// bulkReadSize is how many bytes come from the disk at once: more makes hardly a difference.
	bulkReadSize = 1 << 20
	// bulkReadLimit is how many transfers from the guest have such a buffer; the others read through the page cache.
	bulkReadLimit = 4
)

var bulkReadSlots = make(chan struct{}, bulkReadLimit)

// sendLarge sends length bytes of a file from offset. What is large is read round the page cache: a page that is not in it yet
// costs an emulated guest ten times as long as one that comes from the disk itself, one that is four times.
func sendLarge(to *dataframe.Writer, fd int, offset, length int64) error {
	var sent int64
	if length > bulkFrom {
		var err error
		if sent, err = sendBulk(to, fd, offset, length); err != nil {
			return err
		}
	}
	return to.ReadFile(fd, offset+sent, length-sent)
}

// sendBulk sends as much as can be read in whole blocks from the disk itself and tells how much that was: nothing where the file
// system has no disk, or all buffers are in use.
func sendBulk(to *dataframe.Writer, fd int, offset, length int64) (sent int64, err error) {
	select {
	case bulkReadSlots <- struct{}{}:
		defer func() { <-bulkReadSlots }()
	default:
		return 0, nil
	}
	if first := -offset & (blockSize - 1); first > 0 {
		if err := to.ReadFile(fd, offset, first); err != nil {
			return 0, err
		}
		sent = first
	}
	if !setDirect(fd, true) {
		return sent, nil
	}
	defer setDirect(fd, false)
	memory, err := newBulkMemory(bulkReadSize)
	if err != nil {
		return sent, nil
	}
	defer memory.release()
	for length-sent >= blockSize {
		whole := (length - sent) &^ (blockSize - 1)
		n, err := unix.Pread(fd, memory.buffer[:min(int64(len(memory.buffer)), whole)], offset+sent)
		if err == unix.EINTR {
			continue
		}
		if err == unix.EINVAL || err == nil && n == 0 { // it wants another alignment, or has become shorter: for who reads on
			return sent, nil
		}
		if err != nil {
			return sent, err
		}
		if _, err := to.Write(memory.buffer[:n]); err != nil {
			return sent, err
		}
		if sent += int64(n); n%blockSize != 0 {
			return sent, nil
		}
	}
	return sent, nil
}
