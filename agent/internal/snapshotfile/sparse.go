// Package snapshotfile writes and reads snapshots as one file: a zstd-compressed tar whose entries are the snapshot's
// files without their holes, each with its digest. It is read as the work of a stranger.
//
// A sparse entry is a line `bandsox-sparse/1 SIZE COUNT`, COUNT lines `OFFSET LENGTH` in ascending order, and the bytes
// of those ranges one after the other. What is in no range is zero. Ranges are whole runs of blocks that are not all
// zero, so the same content is the same entry, and has the same digest, whatever file system it lay on.
package snapshotfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"bandsox.dev/agent/internal/image/fault"
)

const (
	sparseMagic = "bandsox-sparse/1"
	blockSize   = 4096
	// maxLine bounds a line of an entry's head, in bytes.
	maxLine = 128
	// maxExtents bounds what the head of an entry makes its reader hold.
	maxExtents = 1 << 22
	// copyBytes is how much is read at a time.
	copyBytes = 1 << 20
)

// extent is a range of a file, in bytes.
type extent struct{ offset, length int64 }

var zeros [blockSize]byte

// contentExtents finds the runs of blocks that hold anything. It reads what the file system says is data.
func contentExtents(ctx context.Context, file *os.File, size int64) ([]extent, error) {
	var found []extent
	buffer := make([]byte, copyBytes)
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start, err := unix.Seek(int(file.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		}
		if err != nil {
			return nil, fault.File("read", file.Name(), err)
		}
		start -= start % blockSize
		n, err := file.ReadAt(buffer[:min(int64(len(buffer)), size-start)], start)
		if n == 0 {
			return nil, fault.File("read", file.Name(), errors.Join(err, io.ErrUnexpectedEOF))
		}
		found = appendBlocks(found, buffer[:n], start)
		if len(found) > maxExtents {
			return nil, fault.New(fault.Internal, "read %s: it is in more than %d pieces", file.Name(), maxExtents)
		}
		at = start + int64(n)
	}
	return found, nil
}

func appendBlocks(found []extent, data []byte, start int64) []extent {
	for len(data) > 0 {
		block := data[:min(blockSize, len(data))]
		data = data[len(block):]
		if !bytes.Equal(block, zeros[:len(block)]) {
			found = grown(found, start, int64(len(block)))
		}
		start += int64(len(block))
	}
	return found
}

// grown adds a range behind all others, to the last one where it follows that.
func grown(found []extent, offset, length int64) []extent {
	last := len(found) - 1
	if last >= 0 && found[last].offset+found[last].length == offset {
		found[last].length += length
		return found
	}
	return append(found, extent{offset, length})
}

// sparseHead is what precedes the bytes of an entry.
func sparseHead(size int64, extents []extent) []byte {
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %d %d\n", sparseMagic, size, len(extents))
	for _, e := range extents {
		fmt.Fprintf(&head, "%d %d\n", e.offset, e.length)
	}
	return head.Bytes()
}

func contentLength(extents []extent) int64 {
	var sum int64
	for _, e := range extents {
		sum += e.length
	}
	return sum
}

// readSparse writes the file that an entry describes. The file must be new; it gets wantedSize or, where that is 0, at
// most limit bytes.
func readSparse(ctx context.Context, entry io.Reader, file *os.File, limit, wantedSize int64) error {
	reader := bufio.NewReaderSize(entry, 64<<10)
	size, count, err := readSparseHead(reader)
	if err != nil {
		return err
	}
	if size > limit || wantedSize != 0 && size != wantedSize {
		return fmt.Errorf("it has %d bytes, %s are expected", size, expected(limit, wantedSize))
	}
	if count > size/blockSize+1 || count > maxExtents {
		return fmt.Errorf("it has %d ranges in %d bytes", count, size)
	}
	extents := make([]extent, 0, min(count, 1<<16))
	end := int64(0)
	for range count {
		next, err := readExtent(reader)
		if err != nil {
			return err
		}
		if next.offset < end || next.length <= 0 || next.length > size-next.offset {
			return fmt.Errorf("the range of %d bytes at %d is not one of a file of %d", next.length, next.offset, size)
		}
		end = next.offset + next.length
		extents = append(extents, next)
	}
	if err := file.Truncate(size); err != nil {
		return fault.File("write", file.Name(), err)
	}
	for _, e := range extents {
		if err := copyExtent(ctx, reader, file, e); err != nil {
			return err
		}
	}
	if _, err := reader.ReadByte(); err != io.EOF {
		return errors.New("more follows than its ranges hold")
	}
	return nil
}

func expected(limit, wanted int64) string {
	if wanted != 0 {
		return strconv.FormatInt(wanted, 10)
	}
	return fmt.Sprintf("at most %d", limit)
}

func readSparseHead(reader *bufio.Reader) (size, count int64, err error) {
	words, err := readWords(reader, 3)
	if err != nil {
		return 0, 0, err
	}
	if words[0] != sparseMagic {
		return 0, 0, fmt.Errorf("it begins with %.20q, not %s", words[0], sparseMagic)
	}
	if size, err = parseCount(words[1]); err != nil {
		return 0, 0, err
	}
	count, err = parseCount(words[2])
	return size, count, err
}

func readExtent(reader *bufio.Reader) (extent, error) {
	words, err := readWords(reader, 2)
	if err != nil {
		return extent{}, err
	}
	offset, err := parseCount(words[0])
	if err != nil {
		return extent{}, err
	}
	length, err := parseCount(words[1])
	return extent{offset, length}, err
}

func readWords(reader *bufio.Reader, count int) ([]string, error) {
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("its head breaks off: %w", err)
	}
	words := strings.Split(strings.TrimSuffix(string(line), "\n"), " ")
	if len(line) > maxLine || len(words) != count {
		return nil, fmt.Errorf("its head has a line of %d bytes and %d words", len(line), len(words))
	}
	return words, nil
}

func parseCount(word string) (int64, error) {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("its head has %.20q where a number is expected", word)
	}
	return n, nil
}

func copyExtent(ctx context.Context, reader io.Reader, file *os.File, e extent) error {
	buffer := make([]byte, min(e.length, copyBytes))
	for done := int64(0); done < e.length; {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := buffer[:min(int64(len(buffer)), e.length-done)]
		if _, err := io.ReadFull(reader, part); err != nil {
			return fmt.Errorf("it breaks off: %w", err)
		}
		if _, err := file.WriteAt(part, e.offset+done); err != nil {
			return fault.File("write", file.Name(), err)
		}
		done += int64(len(part))
	}
	return nil
}
