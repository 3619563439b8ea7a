// Package layer turns image layers into a directory tree.
//
// Entries are applied by containerd's pkg/archive: it passes every case of this
// package's tests (escapes, hard links across layers, owners, modes, xattrs,
// devices, raw names, the same trees as `umoci unpack`) but for whiteouts that
// follow entries of their own layer and old GNU sparse files, and its whiteout
// hook and header filter, which umoci's package lacks, are where those two and
// the limits are dealt with.
package layer

import (
	"archive/tar"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/pkg/archive"
	"github.com/moby/sys/userns"

	"bandsox.dev/agent/internal/image/fault"
)

const (
	// MaxEntries bounds the tar entries of all layers of an image together.
	MaxEntries = 4_000_000
	// perEntryBytes and streamSlackBytes bound what a layer stream may hold beside file content.
	perEntryBytes    = 4 << 10
	streamSlackBytes = 64 << 20
)

// Limits bound one unpacked image, all layers together.
type Limits struct {
	// MaxBytes is the sum of the sizes of all regular files, holes included
	MaxBytes int64
	// MaxEntries is the number of tar entries (default: MaxEntries)
	MaxEntries int64
}

// Tree is a root filesystem being assembled from layers, lowest first. It is
// not safe for concurrent use.
type Tree struct {
	// Root is the directory the layers are applied to; it exists and is ours alone
	Root string

	limits  Limits
	entries int64
	bytes   int64
	skipped int64
	mayMake bool            // whether device nodes can be made here
	stored  map[string]bool // attributes the filesystem below was found to store

	rootEntry *tar.Header
	dirTimes  map[string]time.Time
}

// NewTree starts an empty tree in an existing directory.
func NewTree(root string, limits Limits) *Tree {
	if limits.MaxEntries == 0 {
		limits.MaxEntries = MaxEntries
	}
	return &Tree{
		Root: filepath.Clean(root), limits: limits,
		mayMake: !userns.RunningInUserNS(), dirTimes: map[string]time.Time{}, stored: map[string]bool{},
	}
}

// SkippedDevices counts the device nodes that could not be made in a user namespace.
func (t *Tree) SkippedDevices() int64 { return t.skipped }

// Bytes is the sum of the sizes of the regular files unpacked so far.
func (t *Tree) Bytes() int64 { return t.bytes }

// Apply adds one uncompressed layer and reads its stream to the end.
func (t *Tree) Apply(ctx context.Context, stream io.Reader) error {
	bounded := &boundedReader{next: stream, tree: t}
	whiteouts := newWhiteouts(t.dirTimes)
	_, err := archive.Apply(ctx, t.Root, bounded,
		archive.WithFilter(t.accept), archive.WithConvertWhiteout(whiteouts.convert))
	if err == nil {
		_, err = io.Copy(io.Discard, contextReader{ctx, bounded})
	}
	return explain(err)
}

// accept counts an entry and says whether it is to be applied.
func (t *Tree) accept(header *tar.Header) (bool, error) {
	t.entries++
	if t.entries > t.limits.MaxEntries {
		return false, fault.New(fault.ImageTooLarge, "unpack: the layers have more than %d entries", t.limits.MaxEntries).
			With("limitEntries", t.limits.MaxEntries)
	}
	if !isOwner(header.Uid) || !isOwner(header.Gid) {
		return false, fault.New(fault.ImageInvalid, "unpack %s: its owner is %d:%d", header.Name, header.Uid, header.Gid)
	}
	switch header.Typeflag {
	case tar.TypeXGlobalHeader:
		return false, nil
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		header.Typeflag = tar.TypeReg // archive/tar reads all three alike, holes as zeros
		if header.Size > t.limits.MaxBytes-t.bytes {
			return false, tooLarge(t.limits.MaxBytes)
		}
		t.bytes += header.Size
	case tar.TypeChar, tar.TypeBlock:
		if !t.mayMake {
			t.skipped++
			return false, nil
		}
	case tar.TypeDir:
		if isRoot(header.Name) {
			t.rootEntry = header
		}
	}
	if header.ModTime.After(lastTime) {
		header.ModTime = lastTime
	}
	if err := t.checkXattrs(header); err != nil {
		return false, err
	}
	return !isAufsMetadata(header.Name), nil
}

// Finish gives directories the attributes that applying entries disturbs: the
// root's own entry, and each directory's time from the last layer that states
// one. A directory no layer describes gets the time `otherwise`.
func (t *Tree) Finish(otherwise time.Time) error {
	if err := t.finishRoot(); err != nil {
		return err
	}
	return filepath.WalkDir(t.Root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		modified, known := t.dirTimes[path]
		if path == t.Root && t.rootEntry != nil {
			modified, known = t.rootEntry.ModTime, true
		}
		if !known {
			modified = otherwise
		}
		return os.Chtimes(path, bounded(modified), bounded(modified))
	})
}

func (t *Tree) finishRoot() error {
	uid, gid, mode := 0, 0, fs.FileMode(0o755)
	if t.rootEntry != nil {
		uid, gid, mode = t.rootEntry.Uid, t.rootEntry.Gid, t.rootEntry.FileInfo().Mode()
	}
	if err := os.Lchown(t.Root, uid, gid); err != nil {
		return explain(err)
	}
	return os.Chmod(t.Root, mode)
}

// lastTime is the latest time mke2fs stores.
var lastTime = time.Unix(1<<31-1, 0)

// bounded keeps a time inside what the filesystem stores.
func bounded(t time.Time) time.Time {
	if t.Before(time.Unix(0, 0)) {
		return time.Unix(0, 0)
	}
	return t
}

// isOwner reports whether the kernel can store an id; the largest means "unchanged" to it.
func isOwner(id int) bool { return id >= 0 && id < 1<<32-1 }

func isRoot(name string) bool { return filepath.Join("/", name) == "/" }

// isAufsMetadata reports bookkeeping that old Docker storage left at the top of layers.
func isAufsMetadata(name string) bool {
	first, _, nested := strings.Cut(strings.TrimPrefix(filepath.Join("/", name), "/"), "/")
	return strings.HasPrefix(first, metaPrefix) && (nested || first != opaqueMarker)
}

// boundedReader refuses a stream that is larger than its entries can account for.
type boundedReader struct {
	next io.Reader
	tree *Tree
	read int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.next.Read(p)
	b.read += int64(n)
	if b.read > b.tree.bytes+b.tree.entries*perEntryBytes+streamSlackBytes {
		return n, tooLarge(b.tree.limits.MaxBytes)
	}
	return n, err
}

type contextReader struct {
	ctx  context.Context
	next io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.next.Read(p)
}

func tooLarge(limit int64) error {
	return fault.New(fault.ImageTooLarge, "unpack: the content has more than %d bytes", limit).With("limitBytes", limit)
}
