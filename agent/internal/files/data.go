package files

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sys/unix"
)

type copyBuffer [256 << 10]byte

var copyBuffers = sync.Pool{New: func() any { return new(copyBuffer) }}

// copyData copies the first size bytes of a file into an empty one, holes as holes.
func copyData(ctx context.Context, to, from int, size int64) error {
	for at := int64(0); at < size; {
		start, err := unix.Seek(from, at, unix.SEEK_DATA)
		if err == unix.ENXIO || err == nil && start >= size {
			break // only a hole is left
		}
		end := size
		if err == nil {
			end, err = unix.Seek(from, start, unix.SEEK_HOLE)
		} else if err == unix.EINVAL { // the file system does not know
			start, end, err = at, size, nil
		}
		if err != nil {
			return err
		}
		if at, err = copyRange(ctx, to, from, start, min(end, size)); err != nil {
			return err
		}
	}
	return unix.Ftruncate(to, size)
}

var errShorter = errors.New("what is copied has become shorter")

// copyRange copies the bytes from at to end and returns end.
func copyRange(ctx context.Context, to, from int, at, end int64) (int64, error) {
	buffer := copyBuffers.Get().(*copyBuffer)
	defer copyBuffers.Put(buffer)
	for at < end {
		n, err := unix.Pread(from, buffer[:min(int64(len(buffer)), end-at)], at)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return at, err
		}
		if n == 0 {
			return at, errShorter
		}
		if err := writeAll(to, buffer[:n], at); err != nil {
			return at, err
		}
		at += int64(n)
		if ctx.Err() != nil {
			return at, ctx.Err()
		}
	}
	return at, nil
}

// writeAll writes all of p at offset.
func writeAll(fd int, p []byte, offset int64) error {
	for len(p) > 0 {
		n, err := unix.Pwrite(fd, p, offset)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		p, offset = p[n:], offset+int64(n)
	}
	return nil
}
