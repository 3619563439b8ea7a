// Package treetar writes a directory of the host as a tar.
package treetar

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bandsox.dev/agent/internal/image/fault"
)

const (
	paxXattrPrefix  = "SCHILY.xattr."
	whiteoutPrefix  = ".wh."
	maxXattrsLength = 64 << 10
	copyChunk       = 1 << 20
)

// Options say how a tree is packed.
type Options struct {
	// Accessed is every file's time of access and of change (default: none is written)
	Accessed time.Time
}

// inode identifies a file on the host, for hard links.
type inode struct{ dev, ino uint64 }

// packer writes a directory as one tar layer.
type packer struct {
	ctx   context.Context
	tar   *tar.Writer
	root  string
	dev   uint64
	times time.Time
	first map[inode]string // where a file with several links was packed
}

// Pack writes the tree below the directory root, which is no link, as a tar
// whose bytes depend on the tree and the options only: names in byte order,
// numeric owners. It keeps owners, modes, mtimes, xattrs, hard links, devices
// and symlinks, leaves sockets out, and does not descend into other filesystems.
func Pack(ctx context.Context, w io.Writer, root string, options Options) error {
	info, err := os.Lstat(root)
	if err != nil {
		return fault.File("pack", root, err)
	}
	p := &packer{ctx: ctx, tar: tar.NewWriter(w), root: root, times: options.Accessed, first: map[inode]string{}}
	p.dev = info.Sys().(*syscall.Stat_t).Dev
	if err := filepath.WalkDir(root, p.visit); err != nil {
		return err
	}
	return p.tar.Close()
}

func (p *packer) visit(path string, entry fs.DirEntry, err error) error {
	if err == nil {
		err = p.ctx.Err()
	}
	if err != nil {
		return fault.File("pack", path, err)
	}
	info, err := entry.Info()
	if err != nil {
		return fault.File("pack", path, err)
	}
	if strings.HasPrefix(entry.Name(), whiteoutPrefix) && path != p.root {
		return fault.New(fault.ImageUnsupported, "pack %s: names that begin with %s mean deletions in an image", path, whiteoutPrefix)
	}
	if info.Mode()&fs.ModeSocket != 0 {
		return nil
	}
	if err := p.add(path, info); err != nil {
		return fault.File("pack", path, err)
	}
	if info.IsDir() && info.Sys().(*syscall.Stat_t).Dev != p.dev {
		return fs.SkipDir
	}
	return nil
}

func (p *packer) add(path string, info fs.FileInfo) error {
	header, err := p.header(path, info)
	if err != nil {
		return err
	}
	if header.Typeflag != tar.TypeReg || header.Size == 0 {
		return p.tar.WriteHeader(header)
	}
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := p.tar.WriteHeader(header); err != nil {
		return err
	}
	if err := p.copy(io.LimitReader(file, header.Size)); err != nil {
		return err
	}
	if err := p.tar.Flush(); err != nil {
		return fault.New(fault.ImageInvalid, "pack %s: it shrank while it was read", path)
	}
	return nil
}

// copy packs a file's content, and stops in it when the context ends.
func (p *packer) copy(content io.Reader) error {
	for {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		switch _, err := io.CopyN(p.tar, content, copyChunk); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

func (p *packer) header(path string, info fs.FileInfo) (*tar.Header, error) {
	stat := info.Sys().(*syscall.Stat_t)
	name, err := filepath.Rel(p.root, path)
	if err != nil {
		return nil, err
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(path); err != nil {
			return nil, err
		}
	}
	// FileInfoHeader looks owners up by name when given more than the mode, size and times.
	header, err := tar.FileInfoHeader(plainInfo{info}, target)
	if err != nil {
		return nil, err
	}
	header.Name, header.Format = name, tar.FormatPAX
	header.Uid, header.Gid = int(stat.Uid), int(stat.Gid)
	header.AccessTime, header.ChangeTime = p.times, p.times
	if info.IsDir() {
		header.Name += "/"
	}
	if info.Mode()&fs.ModeDevice != 0 {
		header.Devmajor, header.Devminor = int64(unix.Major(stat.Rdev)), int64(unix.Minor(stat.Rdev))
	}
	if stat.Nlink > 1 && !info.IsDir() {
		key := inode{stat.Dev, stat.Ino}
		if earlier, ok := p.first[key]; ok {
			header.Typeflag, header.Linkname, header.Size = tar.TypeLink, earlier, 0
			return header, nil
		}
		p.first[key] = name
	}
	header.PAXRecords, err = readXattrs(path)
	return header, err
}

// plainInfo hides the system's view of a file from archive/tar.
type plainInfo struct{ fs.FileInfo }

func (plainInfo) Sys() any { return nil }

// readXattrs returns the extended attributes of a path as PAX records, but for
// trusted.*, which no image may carry.
func readXattrs(path string) (map[string]string, error) {
	buffer := make([]byte, maxXattrsLength)
	n, err := unix.Llistxattr(path, buffer)
	if errors.Is(err, unix.ENOTSUP) || n == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	records := map[string]string{}
	for key := range strings.SplitSeq(strings.TrimSuffix(string(buffer[:n]), "\x00"), "\x00") {
		if strings.HasPrefix(key, "trusted.") {
			continue
		}
		value := make([]byte, maxXattrsLength)
		size, err := unix.Lgetxattr(path, key, value)
		if err != nil {
			return nil, err
		}
		records[paxXattrPrefix+key] = string(value[:size])
	}
	return records, nil
}
