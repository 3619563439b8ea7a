package disk

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
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
	// widest is the most names in one directory, mostDirs the most directories in one
	widest, mostDirs int64
	// hasAttributeLists tells of a file with several attributes
	hasAttributeLists bool
}

// inode identifies a file on the host, for hard links.
type inode struct{ dev, ino uint64 }

// measure walks a tree without following links.
func measure(ctx context.Context, root string) (content, error) {
	m := meter{root: root, linked: map[inode]bool{}, widths: map[string]width{}}
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
	widths    map[string]width
}

// width counts what one directory holds.
type width struct{ names, dirs int64 }

func (m *meter) widen(dir string, isDir bool) {
	found := m.widths[dir]
	found.names++
	if isDir {
		found.dirs++
	}
	m.widths[dir] = found
	m.found.widest = max(m.found.widest, found.names)
	m.found.mostDirs = max(m.found.mostDirs, found.dirs)
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
		m.widen(filepath.Dir(path), entry.IsDir())
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
	names, err := attributeNames(path)
	if len(names) > 0 {
		m.found.blocks++
	}
	if len(names) > 1 {
		m.found.hasAttributeLists = true
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

func attributeNames(path string) ([]string, error) {
	size, err := unix.Llistxattr(path, nil)
	if errors.Is(err, unix.ENOTSUP) || err == nil && size == 0 {
		return nil, nil
	}
	list := make([]byte, max(size, 0))
	if err == nil {
		size, err = unix.Llistxattr(path, list)
	}
	if err != nil {
		return nil, fault.File("list the attributes of", path, err)
	}
	return strings.Split(strings.TrimSuffix(string(list[:size]), "\x00"), "\x00"), nil
}

func divideUp(n, by int64) int64 { return (n + by - 1) / by }

func roundUp(n, to int64) int64 { return divideUp(n, to) * to }
