// Package disk builds base disks: one read-only ext4 per image manifest.
//
// The bytes of a disk are a function of the manifest and the e2fsprogs
// release. mke2fs adds files in byte order of their names (since 1.46), so the
// filesystem the tree was staged on has no influence. Trees it is slow with are
// written by tar2ext4, which keeps the same order.
package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/blobstore"
	"bandsox.dev/agent/internal/image/event"
	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/layer"
	"bandsox.dev/agent/internal/image/scratch"
)

const sectorBytes = 512

// Options say what to build and where.
type Options struct {
	Store *blobstore.Store
	// Manifest is the digest of a manifest in the store
	Manifest v1.Hash
	// Staging is a directory that does not exist or is empty; it is removed at the end, always
	Staging string
	// Output is replaced in one step
	Output string
	// ApparentBytes is the size of Output, a multiple of 512; the filesystem may be smaller
	ApparentBytes int64
	Limits        layer.Limits
	Emit          func(event any)
}

// Build unpacks an image and makes a filesystem of it.
func Build(ctx context.Context, options Options) (result event.Disk, err error) {
	if options.ApparentBytes <= 0 || options.ApparentBytes%sectorBytes != 0 {
		return result, fault.New(fault.Internal, "build %s: %d bytes is not a disk size", options.Output, options.ApparentBytes)
	}
	image, err := loadImage(options.Store, options.Manifest)
	if err != nil {
		return result, err
	}
	if err := claimStaging(options.Staging); err != nil {
		return result, err
	}
	defer func() {
		if removal := os.RemoveAll(options.Staging); err == nil && removal != nil {
			err = fault.File("remove", options.Staging, removal)
		}
	}()
	root := filepath.Join(options.Staging, "rootfs")
	staged, err := stage(ctx, image, root, options)
	if err != nil {
		return result, err
	}
	options.Emit(event.Mkfs{Type: "mkfs"})
	found, err := measure(ctx, root)
	if err != nil {
		return result, err
	}
	shape := plan(found)
	if shape.bytes() > options.ApparentBytes {
		return result, fault.New(fault.ImageTooLarge, "build %s: the filesystem needs %d bytes, the disk has %d",
			options.Output, shape.bytes(), options.ApparentBytes).With("neededBytes", shape.bytes())
	}
	allocated, err := write(ctx, tree{root, found, shape}, image, options)
	return event.Disk{
		Type: "disk", Path: options.Output, ApparentBytes: options.ApparentBytes, AllocatedBytes: allocated,
		Files: found.entries, SkippedDevices: staged.SkippedDevices(),
	}, err
}

// stage unpacks all layers into root.
func stage(ctx context.Context, image storedImage, root string, options Options) (*layer.Tree, error) {
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, fault.File("create", root, err)
	}
	tree := layer.NewTree(root, options.Limits)
	if err := unpack(ctx, options.Store, image, tree, options.Emit); err != nil {
		return nil, err
	}
	return tree, tree.Finish(imageTime(image))
}

// claimStaging makes the staging directory and refuses one that holds anything, because it will be removed.
func claimStaging(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fault.File("create", filepath.Dir(path), err)
	}
	err := os.Mkdir(path, 0o700)
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return fault.File("create", path, err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return fault.File("read", path, err)
	}
	if len(entries) > 0 {
		return fault.New(fault.Internal, "stage in %s: it is not empty (%s)", path, entries[0].Name()).With("path", path)
	}
	return os.Chmod(path, 0o700)
}

// tree is an unpacked image and what it needs.
type tree struct {
	root  string
	found content
	shape geometry
}

// write makes the filesystem beside Output and renames it; it returns the bytes allocated on the host.
func write(ctx context.Context, from tree, image storedImage, options Options) (int64, error) {
	dir, name := filepath.Split(options.Output)
	dir = filepath.Clean(dir + ".")
	prefix := "." + name + "."
	if err := scratch.Sweep(dir, prefix); err != nil {
		return 0, fault.File("sweep", dir, err)
	}
	file, err := scratch.Create(dir, prefix)
	if err != nil {
		return 0, fault.File("create a file in", dir, err)
	}
	defer file.Discard()
	if err := fill(ctx, from, file, image, options); err != nil {
		return 0, err
	}
	if err := errors.Join(file.Truncate(options.ApparentBytes), file.Chmod(0o644)); err != nil {
		return 0, fault.File("resize", file.Name(), err)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := file.Keep(options.Output); err != nil {
		return 0, fault.File("write", options.Output, err)
	}
	info, err := os.Stat(options.Output)
	if err != nil {
		return 0, fault.File("read", options.Output, err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * sectorBytes, nil
}

// fill makes the filesystem in an empty file.
func fill(ctx context.Context, from tree, file *scratch.File, image storedImage, options Options) error {
	now := imageTime(image)
	settling := settling{tree: from.root, output: file.Name(), script: filepath.Join(options.Staging, "settle"), now: now}
	if isWide(from.found) {
		settling.uuid, _ = identity(image.digest)
		if err := fillWide(ctx, from.root, file.File, wideOptions{options.ApparentBytes, now}); err != nil {
			return err
		}
		return settle(ctx, settling)
	}
	settling.inodeTimes = true
	if err := makeFilesystem(ctx, from.root, file.Name(), from.shape, image.digest, now); err != nil {
		return err
	}
	return settle(ctx, settling)
}

// imageTime is the image's creation time, kept inside what every ext4 tool
// stores and above zero, which e2fsprogs takes for "not set".
func imageTime(image storedImage) time.Time {
	const last = 1<<31 - 1
	return time.Unix(min(max(image.config.Created.Unix(), 1), last), 0).UTC()
}
