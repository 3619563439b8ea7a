package tree

import (
	"archive/tar"
	"errors"
	"sync"

	"bandsox.dev/agent/internal/walk"
	"golang.org/x/sys/unix"
)

type dataBuffer [64 << 10]byte

var dataBuffers = sync.Pool{New: func() any { return new(dataBuffer) }}

// writeFile adds a regular file: its content, or that it is a second name of one the archive has.
func (p *packer) writeFile(n *walk.Node, header *tar.Header) error {
	nofollow := unix.O_NOFOLLOW
	if n.Path == "" {
		nofollow = 0
	}
	fd, err := unix.Openat(n.Dir, n.Name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|nofollow, 0)
	if err == unix.ENOENT || err == unix.ELOOP {
		return nil // removed or replaced meanwhile
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := p.writePending(); err != nil {
		return err
	}
	if first, known := p.links[inode{n.Stat.Dev, n.Stat.Ino}]; known {
		header.Typeflag, header.Linkname, header.Size = tar.TypeLink, first, 0
		return p.tar.WriteHeader(header)
	}
	if n.Stat.Nlink > 1 && len(p.links) < linkLimit {
		p.links[inode{n.Stat.Dev, n.Stat.Ino}] = header.Name
	}
	if header.PAXRecords, err = readXattrs(fd); err != nil {
		return err
	}
	header.Typeflag = tar.TypeReg
	return p.writeData(fd, header)
}

// writeData writes a file's header and content. One that fits into the buffer is read first, so that its size is right
// even if it changes meanwhile.
func (p *packer) writeData(fd int, header *tar.Header) error {
	left, n := header.Size, 0
	if left <= int64(len(p.buffer)) {
		var err error
		if n, err = readFull(fd, p.buffer[:left]); err != nil {
			return err
		}
		header.Size, left = int64(n), int64(n)
	}
	if err := p.tar.WriteHeader(header); err != nil {
		return err
	}
	for left > 0 {
		if n == 0 {
			var err error
			if n, err = readFull(fd, p.buffer[:min(left, int64(len(p.buffer)))]); err != nil {
				return err
			}
			if n == 0 {
				return errShorter
			}
		}
		if _, err := p.tar.Write(p.buffer[:n]); err != nil {
			return err
		}
		left, n = left-int64(n), 0
	}
	return nil
}

var errShorter = errors.New("it has become shorter while it was read")

// readFull reads until p is full or the file ends.
func readFull(fd int, p []byte) (int, error) {
	total := 0
	for total < len(p) {
		n, err := unix.Read(fd, p[total:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return total, err
		}
		total += n
	}
	return total, nil
}
