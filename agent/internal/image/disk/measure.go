package disk

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"bandsox.dev/agent/internal/image/fault"
)

const (
	blockBytes = 4096
	// maxLinks is how many names ext4 lets one file have.
	maxLinks = 65000
	// fastSymlinkBytes is the longest target kept in the inode itself.
	fastSymlinkBytes = 59
	// maxPathBytes keeps mke2fs 1.47.0 from writing past its path buffer, which it does at 2040.
	maxPathBytes  = 2000
	maxQuotedPath = 100
	// direntBytes is what a directory entry takes beside its name.
	direntBytes = 8
	// fullDirBlock is the least a directory block holds before the next is begun.
	fullDirBlock = blockBytes - 12 - 264
)

// content is what a tree needs of a filesystem, rounded up.
type content struct {
	// entries counts names, without the root
	entries int64
	inodes  int64
	// blocks of file data, directories, long symlinks and attributes
	blocks int64
}

// inode identifies a file on the host, for hard links.
type inode struct{ dev, ino uint64 }

// measure walks a tree without following links.
func measure(ctx context.Context, root string) (content, error) {
	m := meter{root: root, linked: map[inode]bool{}}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		return m.add(path, entry)
	})
	m.found.blocks += m.nameBytes / fullDirBlock
	return m.found, err
}

type meter struct {
	root      string
	found     content
	nameBytes int64
	linked    map[inode]bool
}

func (m *meter) add(path string, entry fs.DirEntry) error {
	if length := len(path) - len(m.root); length > maxPathBytes {
		return fault.New(fault.ImageUnsupported, "measure %s…: its path has %d bytes, at most %d are supported",
			path[len(m.root):len(m.root)+maxQuotedPath], length, maxPathBytes)
	}
	info, err := entry.Info()
	if err != nil {
		return err
	}
	stat := info.Sys().(*syscall.Stat_t)
	if path != m.root {
		m.found.entries++
		m.nameBytes += direntBytes + roundUp(int64(len(entry.Name())), 4)
	}
	if stat.Nlink > 1 && !entry.IsDir() {
		key := inode{stat.Dev, stat.Ino}
		if m.linked[key] {
			return nil
		}
		m.linked[key] = true
	}
	if stat.Nlink > maxLinks && !entry.IsDir() {
		return fault.New(fault.ImageUnsupported, "measure %s: it has %d hard links, ext4 stores at most %d", path, stat.Nlink, maxLinks)
	}
	m.found.inodes++
	m.found.blocks += ownBlocks(info)
	hasXattrs, err := hasXattrs(path)
	if hasXattrs {
		m.found.blocks++
	}
	return err
}

// ownBlocks is what an inode's content takes; a directory's first block is its own.
func ownBlocks(info fs.FileInfo) int64 {
	switch {
	case info.IsDir():
		return 1
	case info.Mode().IsRegular():
		return divideUp(info.Size(), blockBytes)
	case info.Mode()&fs.ModeSymlink != 0 && info.Size() > fastSymlinkBytes:
		return 1
	}
	return 0
}

func hasXattrs(path string) (bool, error) {
	size, err := unix.Llistxattr(path, nil)
	if errors.Is(err, unix.ENOTSUP) {
		return false, nil
	}
	if err != nil {
		return false, fault.File("list the attributes of", path, err)
	}
	return size > 0, nil
}

func divideUp(n, by int64) int64 { return (n + by - 1) / by }

func roundUp(n, to int64) int64 { return divideUp(n, to) * to }
