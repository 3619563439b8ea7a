package vmmemory

import (
	"bytes"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// punchSize is how much of zeros is worth a hole, in bytes.
const punchSize = 64 << 10

var zeros [punchSize]byte

// PunchZeros frees the blocks of a file that hold nothing but zeros; what is read of it stays the same. Where the file
// system has no holes it does nothing.
func PunchZeros(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	buffer := make([]byte, 16*punchSize)
	for at := int64(0); at < info.Size(); {
		n, err := file.ReadAt(buffer[:min(int64(len(buffer)), info.Size()-at)], at)
		if n == 0 && err != nil {
			return err
		}
		for from := 0; from < n; from += punchSize {
			piece := buffer[from:min(from+punchSize, n)]
			if !bytes.Equal(piece, zeros[:len(piece)]) {
				continue
			}
			const mode = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
			err := unix.Fallocate(int(file.Fd()), mode, at+int64(from), int64(len(piece)))
			if errors.Is(err, unix.EOPNOTSUPP) {
				return nil
			}
			if err != nil {
				return os.NewSyscallError("fallocate", err)
			}
		}
		at += int64(n)
	}
	return nil
}
