// Package tree makes a tar archive of what is below a path, and the other way round (PROTOCOL.md §7).
package tree

import (
	"archive/tar"
	"context"
	"io"
	"path"
	"time"

	"bandsox.dev/agent/internal/fileerr"
	"bandsox.dev/agent/internal/files"
	"bandsox.dev/agent/internal/glob"
	"bandsox.dev/agent/internal/walk"
	"golang.org/x/sys/unix"
)

// linkLimit is how many files with several names an archive remembers; beyond it each name becomes a file of its own.
const linkLimit = 1 << 16

type inode struct{ dev, ino uint64 }

// Choice is which entries of a tree are meant. What is below a directory that is meant is meant too.
type Choice struct {
	Include glob.List // nil: all
	Exclude glob.List
}

// CheckPath says whether Pack can do something with root, before anything is written, and returns it without slashes at
// the end.
func CheckPath(root string) (string, error) {
	entry, err := files.Stat(root, true)
	if err == nil && entry.Type != "directory" && entry.Type != "file" {
		err = fileerr.New(fileerr.Failed, "archive", root, "it is a %s, not a file or directory", entry.Type)
	}
	return entry.Path, err
}

// Pack writes a PAX archive of what is below root, or of the file root. Names are relative to it. It stays on root's
// mount; sockets are left out. A file that becomes shorter while it is read ends the archive with an error.
func Pack(ctx context.Context, root string, choice Choice, to io.Writer) error {
	p := &packer{tar: tar.NewWriter(to), root: root, choice: choice, links: map[inode]string{}, buffer: dataBuffers.Get().(*dataBuffer)}
	defer dataBuffers.Put(p.buffer)
	if err := walk.Tree(ctx, root, true, p); err != nil {
		return err
	}
	return p.tar.Close()
}

type packer struct {
	tar     *tar.Writer
	root    string
	choice  Choice
	links   map[inode]string // of files with several names, the first one's
	buffer  *dataBuffer
	pending []pending // the directories on the way to the current node
}

// pending is a directory that is not in the archive unless something below it is.
type pending struct {
	header   *tar.Header // nil once it has been written
	included bool        // it matches, and so does what is below
}

// Enter writes a node's header and content.
func (p *packer) Enter(n *walk.Node) (bool, error) {
	if n.Path == "" {
		if n.IsDir() {
			return true, nil
		}
		return false, p.write(n, path.Base(p.root))
	}
	if p.choice.Exclude.Matches(n.Path) {
		return false, nil
	}
	included := p.choice.Include == nil || len(p.pending) > 0 && p.pending[len(p.pending)-1].included || p.choice.Include.Matches(n.Path)
	if n.IsDir() {
		header, err := p.directory(n)
		if err == unix.ENOENT {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		p.pending = append(p.pending, pending{header, included})
		if included {
			err = p.writePending()
		}
		return true, err
	}
	if !included {
		return false, nil
	}
	return false, p.write(n, n.Path)
}

// Leave ends a directory.
func (p *packer) Leave(n *walk.Node) error {
	if n.Path != "" {
		p.pending = p.pending[:len(p.pending)-1]
	}
	return nil
}

// writePending writes the headers of the directories on the way that have none yet.
func (p *packer) writePending() error {
	for i := range p.pending {
		if header := p.pending[i].header; header != nil {
			if err := p.tar.WriteHeader(header); err != nil {
				return err
			}
			p.pending[i].header = nil
		}
	}
	return nil
}

func (p *packer) directory(n *walk.Node) (*tar.Header, error) {
	header := headerOf(n, n.Path+"/")
	header.Typeflag = tar.TypeDir
	fd, err := unix.Openat(n.Dir, n.Name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	header.PAXRecords, err = readXattrs(fd)
	return header, err
}

// write adds anything but a directory.
func (p *packer) write(n *walk.Node, name string) error {
	header := headerOf(n, name)
	switch n.Stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return p.writeFile(n, header)
	case unix.S_IFLNK:
		target := make([]byte, unix.PathMax)
		size, err := unix.Readlinkat(n.Dir, n.Name, target)
		if err == unix.ENOENT {
			return nil
		}
		if err != nil {
			return err
		}
		header.Typeflag, header.Linkname = tar.TypeSymlink, string(target[:size])
	case unix.S_IFIFO:
		header.Typeflag = tar.TypeFifo
	case unix.S_IFCHR, unix.S_IFBLK:
		header.Typeflag = tar.TypeBlock
		if n.Stat.Mode&unix.S_IFMT == unix.S_IFCHR {
			header.Typeflag = tar.TypeChar
		}
		header.Devmajor, header.Devminor = int64(unix.Major(n.Stat.Rdev)), int64(unix.Minor(n.Stat.Rdev))
	default:
		return nil // a socket is nothing without who listens on it
	}
	if err := p.writePending(); err != nil {
		return err
	}
	return p.tar.WriteHeader(header)
}

func headerOf(n *walk.Node, name string) *tar.Header {
	header := &tar.Header{
		Format: tar.FormatPAX, Name: name, Mode: int64(n.Stat.Mode & 0o7777),
		Uid: int(n.Stat.Uid), Gid: int(n.Stat.Gid), ModTime: time.Unix(n.Stat.Mtim.Sec, n.Stat.Mtim.Nsec),
	}
	if n.Stat.Mode&unix.S_IFMT == unix.S_IFREG {
		header.Size = n.Stat.Size
	}
	return header
}
