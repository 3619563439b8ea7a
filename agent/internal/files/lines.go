package files

import (
	"bytes"
	"context"

	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

// Lines says where lines of a file are. A last line without a newline counts.
type Lines struct {
	Skipped int64 // lines before them
	Total   int64 // lines of the whole file
	Offset  int64 // where they begin, in bytes
	Length  int64 // how many bytes they have
}

// FindLines looks for limit lines (0: all) after the first offset ones. It reads the whole file: to say how many lines
// there are.
func (c *Content) FindLines(ctx context.Context, offset, limit int64) (Lines, error) {
	found := &lineFinder{offset: offset, limit: limit, begin: -1, end: -1}
	if offset == 0 {
		found.begin = 0
	}
	if c.kernel != nil {
		found.add(c.kernel)
		return found.result(), nil
	}
	buffer := copyBuffers.Get().(*copyBuffer)
	defer copyBuffers.Put(buffer)
	for found.at < c.Size {
		n, err := unix.Pread(c.fd, buffer[:min(int64(len(buffer)), c.Size-found.at)], found.at)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return Lines{}, fileerr.Of("read", c.Path, err)
		}
		if n == 0 {
			return Lines{}, fileerr.New(fileerr.Changed, "read", c.Path, "it has become shorter")
		}
		found.add(buffer[:n])
		if ctx.Err() != nil {
			return Lines{}, fileerr.Of("read", c.Path, ctx.Err())
		}
	}
	return found.result(), nil
}

type lineFinder struct {
	offset, limit int64
	at            int64 // bytes looked at
	newlines      int64
	open          bool  // the last byte was not a newline
	begin, end    int64 // -1: not found yet
}

func (f *lineFinder) add(chunk []byte) {
	if len(chunk) == 0 {
		return
	}
	here := int64(bytes.Count(chunk, []byte{'\n'}))
	if f.begin < 0 && f.newlines+here >= f.offset {
		f.begin = f.at + after(chunk, f.offset-f.newlines)
	}
	if last := f.offset + f.limit; f.limit > 0 && last > 0 && f.end < 0 && f.newlines+here >= last {
		f.end = f.at + after(chunk, last-f.newlines)
	}
	f.newlines += here
	f.at += int64(len(chunk))
	f.open = chunk[len(chunk)-1] != '\n'
}

// after is the index behind the nth newline of chunk, which has so many.
func after(chunk []byte, nth int64) int64 {
	index := 0
	for range nth {
		index += bytes.IndexByte(chunk[index:], '\n') + 1
	}
	return int64(index)
}

func (f *lineFinder) result() Lines {
	total := f.newlines
	if f.open {
		total++
	}
	begin, end := f.begin, f.end
	if begin < 0 {
		begin = f.at
	}
	if end < 0 {
		end = f.at
	}
	return Lines{Skipped: min(f.offset, total), Total: total, Offset: begin, Length: end - begin}
}
