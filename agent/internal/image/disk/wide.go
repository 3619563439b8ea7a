package disk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/Microsoft/hcsshim/ext4/tar2ext4"
	"golang.org/x/sync/errgroup"

	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/treetar"
)

const (
	// wideNames is how many names in a directory mke2fs is given at most: it reads all that are there before it
	// adds one, so that 40 000 take it minutes.
	wideNames = 4096
	// maxWideDirs keeps below the links tar2ext4 lets a directory have; mke2fs knows a way around that.
	maxWideDirs = 64_000
)

// isWide tells the trees tar2ext4 writes. Of several attributes of one file it
// may sort some as the kernel does not look for them.
func isWide(found content) bool {
	return found.widest > wideNames && found.mostDirs < maxWideDirs && !found.hasAttributeLists
}

type wideOptions struct {
	// maxBytes is the most the filesystem may have
	maxBytes int64
	now      time.Time
}

// fillWide makes a filesystem of a tree in an empty file, in time proportional
// to the tree whatever its shape.
func fillWide(ctx context.Context, root string, file *os.File, options wideOptions) error {
	reader, writer := io.Pipe()
	var packing errgroup.Group
	packing.Go(func() error {
		err := treetar.Pack(ctx, writer, root, treetar.Options{Accessed: options.now})
		writer.CloseWithError(err)
		return err
	})
	err := tar2ext4.ConvertTarToExt4(reader, &holeWriter{file: file}, tar2ext4.MaximumDiskSize(options.maxBytes))
	if err == nil {
		_, err = io.Copy(io.Discard, reader) // what follows the end of the archive
	}
	reader.CloseWithError(errors.Join(err, io.ErrClosedPipe))
	packed := packing.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		return packed
	case strings.Contains(err.Error(), "disk exceeded maximum size"):
		return fault.New(fault.ImageTooLarge, "build %s: the filesystem needs more than the %d bytes the disk has",
			file.Name(), options.maxBytes)
	case strings.Contains(err.Error(), "could not fit xattr"):
		return fault.New(fault.ImageUnsupported, "build %s: the attributes of a file do not fit: %w", file.Name(), err)
	}
	return fault.File("write", file.Name(), err)
}

// holeWriter leaves out zeros that are written at or after the end of a file.
type holeWriter struct {
	file     *os.File
	at, size int64
}

func (h *holeWriter) Read(p []byte) (int, error) {
	n, err := h.file.Read(p)
	h.at += int64(n)
	return n, err
}

func (h *holeWriter) Seek(offset int64, whence int) (int64, error) {
	at, err := h.file.Seek(offset, whence)
	h.at = at
	return at, err
}

func (h *holeWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		run, isHole := h.run(rest)
		if isHole {
			if _, err := h.Seek(int64(run), io.SeekCurrent); err != nil {
				return len(p) - len(rest), err
			}
		} else {
			n, err := h.file.Write(rest[:run])
			h.at += int64(n)
			h.size = max(h.size, h.at)
			if err != nil {
				return len(p) - len(rest) + n, err
			}
		}
		rest = rest[run:]
	}
	return len(p), nil
}

// run is how many of the bytes are alike: blocks that may be left out, or blocks that may not.
func (h *holeWriter) run(p []byte) (length int, isHole bool) {
	for length < len(p) {
		at := h.at + int64(length)
		block := p[length:min(len(p), length+int(blockBytes-at%blockBytes))]
		leaveOut := at >= h.size && bytes.Equal(block, zeroBlock[:len(block)])
		if length > 0 && leaveOut != isHole {
			break
		}
		isHole = leaveOut
		length += len(block)
	}
	return length, isHole
}

var zeroBlock [blockBytes]byte
