package blobstore

import (
	"context"
	"io"

	"bandsox.dev/agent/internal/image/fault"
)

// copyChunks copies until r ends, checking ctx between chunks.
func copyChunks(ctx context.Context, w io.Writer, r io.Reader, progress func(int64)) (int64, error) {
	buffer := make([]byte, copyChunk)
	var total int64
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, readErr := r.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return total, err
			}
			total += int64(n)
			if progress != nil {
				progress(total)
			}
		}
		if readErr == io.EOF {
			return total, nil
		}
		if readErr != nil {
			return total, readErr
		}
	}
}

// diskWriter gives write errors the name of the file and a code.
type diskWriter struct {
	file interface {
		io.Writer
		Name() string
	}
}

func (w diskWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	if err != nil {
		err = fault.File("write", w.file.Name(), err)
	}
	return n, err
}

// limitWriter refuses to pass on more than limit bytes.
type limitWriter struct {
	next    io.Writer
	limit   int64
	written int64
}

func (w *limitWriter) Write(p []byte) (int, error) {
	if w.written+int64(len(p)) > w.limit {
		return 0, fault.New(fault.ImageTooLarge, "store a blob: it has more than %d bytes", w.limit).With("limitBytes", w.limit)
	}
	n, err := w.next.Write(p)
	w.written += int64(n)
	return n, err
}
