package vmmemory

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// WriteOwnPages writes the pages a process has changed in the mapping over destination, a copy of the mapped file. The
// process must not run meanwhile. It returns how many bytes were written.
func WriteOwnPages(mapping Mapping, destination *os.File) (int64, error) {
	pagemap, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", mapping.Pid))
	if err != nil {
		return 0, err
	}
	defer pagemap.Close()
	if _, err := pagemap.Seek(int64(mapping.Start/pageSize*8), 0); err != nil {
		return 0, err
	}
	runs, err := ownedRuns(pagemap, mapping.Size/pageSize)
	if err != nil {
		return 0, err
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", mapping.Pid))
	if err != nil {
		return 0, err
	}
	defer memory.Close()
	var written int64
	buffer := make([]byte, runLimit*pageSize)
	for _, r := range runs {
		bytes := buffer[:r.count*pageSize]
		if _, err := memory.ReadAt(bytes, int64(mapping.Start+r.first*pageSize)); err != nil {
			return written, fmt.Errorf("read the guest's memory: %w", err)
		}
		n, err := destination.WriteAt(bytes, int64(r.first*pageSize))
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// CopySparse copies a file without its holes, by reference where the file system can. Both descriptors keep their
// positions.
func CopySparse(destination, source *os.File) error {
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if unix.IoctlFileClone(int(destination.Fd()), int(source.Fd())) == nil {
		return nil
	}
	if err := destination.Truncate(info.Size()); err != nil {
		return err
	}
	for at := int64(0); at < info.Size(); {
		start, err := unix.Seek(int(source.Fd()), at, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return nil // nothing but a hole is left
		}
		if err != nil {
			return err
		}
		end, err := unix.Seek(int(source.Fd()), start, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		if err := copyRange(destination, source, start, end); err != nil {
			return err
		}
		at = end
	}
	return nil
}

func copyRange(destination, source *os.File, start, end int64) error {
	from, to := start, start
	for from < end {
		n, err := unix.CopyFileRange(int(source.Fd()), &from, int(destination.Fd()), &to, int(end-from), 0)
		if isNotForThese(err) {
			_, err := io.Copy(io.NewOffsetWriter(destination, to), io.NewSectionReader(source, from, end-from))
			return err
		}
		if err != nil {
			return fmt.Errorf("copy %s: %w", source.Name(), err)
		}
		if n == 0 {
			return nil // the source has become shorter: what it lost were zeros to us
		}
	}
	return nil
}

// isNotForThese tells that the kernel does not copy between two files by itself, such as those of two file systems.
func isNotForThese(err error) bool {
	return errors.Is(err, unix.EXDEV) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL)
}
