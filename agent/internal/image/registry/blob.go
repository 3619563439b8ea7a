package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"bandsox.dev/agent/internal/image/fault"
)

// maxFruitlessTries is how often in a row a transfer may break without delivering a byte.
const maxFruitlessTries = 3

var errStalled = errors.New("nothing arrived")

// Open streams a blob. A broken transfer is taken up where it stopped. The
// reader delivers at most the descriptor's size and does not check the digest.
func (i *Image) Open(ctx context.Context, blob v1.Descriptor) (io.ReadCloser, error) {
	return i.OpenAt(ctx, blob, 0)
}

// OpenAt is Open from an offset on.
func (i *Image) OpenAt(ctx context.Context, blob v1.Descriptor, offset int64) (io.ReadCloser, error) {
	reader := &blobReader{image: i, parent: ctx, blob: blob, offset: offset}
	if err := reader.reopen(); err != nil {
		return nil, i.explain(err)
	}
	return reader, nil
}

type blobReader struct {
	image  *Image
	parent context.Context
	blob   v1.Descriptor

	offset    int64 // bytes delivered
	skip      int64 // bytes of body that were delivered before
	fruitless int
	body      io.ReadCloser
	stated    bool // whether the server said where body ends
	ctx       context.Context
	cancel    context.CancelCauseFunc
	stall     *time.Timer
}

func (r *blobReader) Read(p []byte) (int, error) {
	for r.offset < r.blob.Size {
		n, err := r.readBody(p)
		switch {
		case n > 0:
			return n, nil
		case err == io.EOF && r.stated:
			return 0, r.wrongSize(r.offset)
		case err == nil:
			continue
		}
		if err := r.retry(err); err != nil {
			return 0, r.image.explain(err)
		}
	}
	return 0, r.end()
}

// end is io.EOF unless a server that did not say how much it sends, sends more.
func (r *blobReader) end() error {
	if r.stated {
		return io.EOF
	}
	r.stall.Reset(r.image.options.StallTimeout)
	defer r.stall.Stop()
	if n, _ := r.body.Read(make([]byte, 1)); n > 0 { // any error is as good as the end here
		return r.wrongSize(r.offset + int64(n))
	}
	return io.EOF
}

// readBody reads once and returns how many bytes are new.
func (r *blobReader) readBody(p []byte) (int, error) {
	wanted := r.blob.Size - r.offset
	if r.skip > 0 {
		wanted = r.skip
	}
	r.stall.Reset(r.image.options.StallTimeout)
	n, err := r.body.Read(p[:min(int64(len(p)), wanted)])
	r.stall.Stop()
	if r.skip > 0 {
		r.skip -= int64(n)
		return 0, err
	}
	r.offset += int64(n)
	if n > 0 {
		r.fruitless = 0
	}
	return n, err
}

// retry reopens the transfer after a break, or returns why it gives up.
func (r *blobReader) retry(broken error) error {
	for {
		if err := r.parent.Err(); err != nil {
			return err
		}
		if cause := context.Cause(r.ctx); cause != nil {
			broken = cause
		}
		r.fruitless++
		if r.fruitless > maxFruitlessTries {
			return fmt.Errorf("blob %s broke off at byte %d of %d: %w", r.blob.Digest, r.offset, r.blob.Size, broken)
		}
		if err := r.pause(); err != nil {
			return err
		}
		r.Close()
		broken = r.reopen()
		if broken == nil || !isTransient(broken) {
			return broken
		}
	}
}

func (r *blobReader) pause() error {
	wait := r.image.options.Backoff.Duration * time.Duration(r.fruitless)
	select {
	case <-time.After(wait):
		return nil
	case <-r.parent.Done():
		return r.parent.Err()
	}
}

// reopen asks for the bytes from offset on; a server that starts over is skipped forward.
func (r *blobReader) reopen() error {
	r.ctx, r.cancel = context.WithCancelCause(r.parent)
	timeout := r.image.options.StallTimeout
	r.stall = time.AfterFunc(timeout, func() { r.cancel(fmt.Errorf("%w for %s", errStalled, timeout)) })
	header := http.Header{}
	if r.offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", r.offset))
	}
	response, err := r.image.get(r.ctx, "blobs", r.blob.Digest.String(), header)
	if refusesRange(err) {
		response, err = r.image.get(r.ctx, "blobs", r.blob.Digest.String(), http.Header{})
	}
	r.stall.Stop()
	if err != nil {
		if cause := context.Cause(r.ctx); cause != nil {
			err = cause
		}
		r.cancel(nil)
		return err
	}
	r.body, r.stated, r.skip = response.Body, response.ContentLength >= 0, r.offset
	begin := int64(0)
	if response.StatusCode == http.StatusPartialContent {
		r.skip, begin = 0, r.offset
	}
	if r.stated && begin+response.ContentLength != r.blob.Size {
		r.Close()
		return r.wrongSize(begin + response.ContentLength)
	}
	return nil
}

// refusesRange reports a server that knows no ranges and says so; it is asked for the whole.
func refusesRange(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusRequestedRangeNotSatisfiable
}

func (r *blobReader) wrongSize(found int64) error {
	return fault.New(fault.ImageDigestMismatch, "pull %s: blob %s has %d bytes at the registry, the manifest says %d",
		r.image.given, r.blob.Digest, found, r.blob.Size).With("digest", r.blob.Digest.String())
}

// Close ends the transfer.
func (r *blobReader) Close() error {
	r.cancel(nil)
	return r.body.Close()
}
