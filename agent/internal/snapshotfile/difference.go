package snapshotfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/vmmemory"
)

// WriteDifference writes what a file has otherwise than another of its size, its base, to a new file: a sparse entry
// whose ranges are the blocks that differ, zeros among them. What is in no range is as in the base.
func WriteDifference(ctx context.Context, basePath, path, outPath string) error {
	base, file, size, err := openBoth(basePath, path)
	if err != nil {
		return err
	}
	defer base.Close()
	defer file.Close()
	extents, err := differingExtents(ctx, base, file, size)
	if err != nil {
		return err
	}
	return create(outPath, func(out *os.File) error {
		if _, err := out.Write(sparseHead(size, extents)); err != nil {
			return err
		}
		for _, e := range extents {
			if err := ctx.Err(); err != nil {
				return err
			}
			if _, err := io.Copy(out, io.NewSectionReader(file, e.offset, e.length)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ApplyDifference writes a new file: the base with the difference in it.
func ApplyDifference(ctx context.Context, basePath, differencePath, outPath string) error {
	difference, err := os.Open(differencePath)
	if err != nil {
		return fault.File("read", differencePath, err)
	}
	defer difference.Close()
	base, err := os.Open(basePath)
	if err != nil {
		return fault.File("read", basePath, err)
	}
	defer base.Close()
	info, err := base.Stat()
	if err != nil {
		return fault.File("read", basePath, err)
	}
	return create(outPath, func(out *os.File) error {
		if err := vmmemory.CopySparse(out, base); err != nil {
			return err
		}
		// In it only holes of the new file would be left as they are; here they are the base.
		if err := readSparse(ctx, bufio.NewReaderSize(difference, copyBytes), out, info.Size(), info.Size()); err != nil {
			return damaged(differencePath, err)
		}
		return nil
	})
}

func damaged(path string, err error) error {
	if found := new(fault.Error); errors.As(err, &found) || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.New(fault.SnapshotInvalid, "read %s: %w", path, err)
}

func openBoth(basePath, path string) (base, file *os.File, size int64, err error) {
	if base, err = os.Open(basePath); err != nil {
		return nil, nil, 0, fault.File("read", basePath, err)
	}
	if file, err = os.Open(path); err != nil {
		base.Close()
		return nil, nil, 0, fault.File("read", path, err)
	}
	sizes := [2]int64{}
	for i, one := range []*os.File{base, file} {
		info, statErr := one.Stat()
		if statErr != nil {
			err = errors.Join(err, statErr)
			continue
		}
		sizes[i] = info.Size()
	}
	if err == nil && sizes[0] != sizes[1] {
		err = fmt.Errorf("%s has %d bytes and %s %d: they have no difference", path, sizes[1], basePath, sizes[0])
	}
	if err != nil {
		base.Close()
		file.Close()
		return nil, nil, 0, err
	}
	return base, file, sizes[1], nil
}

// create writes a new file to the disk; one that fails is not left.
func create(path string, fill func(*os.File) error) error {
	out, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fault.File("write", path, err)
	}
	err = fill(out)
	if err == nil {
		err = out.Sync()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(path)
		return fault.File("write", path, err)
	}
	return nil
}

// differingExtents finds the runs of blocks that are not the same in both. It reads what is data in either.
func differingExtents(ctx context.Context, base, file *os.File, size int64) ([]extent, error) {
	var found []extent
	ours, theirs := make([]byte, copyBytes), make([]byte, copyBytes)
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start, err := nextData(base, file, at)
		if err != nil || start >= size {
			return found, err
		}
		start -= start % blockSize
		length := min(copyBytes, size-start)
		if _, err := file.ReadAt(ours[:length], start); err != nil {
			return nil, fault.File("read", file.Name(), err)
		}
		if _, err := base.ReadAt(theirs[:length], start); err != nil {
			return nil, fault.File("read", base.Name(), err)
		}
		found = appendDiffering(found, ours[:length], theirs[:length], start)
		if len(found) > maxExtents {
			return nil, fault.New(fault.Internal, "read %s: it is in more than %d pieces", file.Name(), maxExtents)
		}
		at = start + length
	}
	return found, nil
}

// nextData is where the first of both files goes on with data; at the end of both a large number.
func nextData(base, file *os.File, at int64) (int64, error) {
	const none = 1<<63 - 1
	next := int64(none)
	for _, one := range []*os.File{base, file} {
		start, err := unix.Seek(int(one.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			continue
		}
		if err != nil {
			return 0, fault.File("read", one.Name(), err)
		}
		next = min(next, start)
	}
	return next, nil
}

func appendDiffering(found []extent, ours, theirs []byte, start int64) []extent {
	for len(ours) > 0 {
		n := min(blockSize, len(ours))
		if !bytes.Equal(ours[:n], theirs[:n]) {
			found = grown(found, start, int64(n))
		}
		ours, theirs, start = ours[n:], theirs[n:], start+int64(n)
	}
	return found
}
