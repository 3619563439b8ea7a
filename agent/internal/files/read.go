package files

import (
	"fmt"
	"io"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/fileerr"
	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"
)

// Content is a regular file, open to be read.
type Content struct {
	Path string
	Size int64 // bytes, when it was opened
	Mode uint32
	// Etag changes when the file does, as far as its inode tells: number, size and both times.
	Etag   string
	fd     int
	kernel []byte // all of it, if its size could not be told without reading
}

// OpenContent opens name to be read. Fifos, sockets and devices are refused, and so is a file whose Etag is not etag,
// unless that is empty. Close must be called.
func OpenContent(name, etag string) (*Content, error) {
	name, err := CheckPath(name)
	if err != nil {
		return nil, err
	}
	// Not blocking: nobody may be at the other end of a fifo.
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fileerr.Of("read", name, err)
	}
	c := &Content{Path: name, fd: fd}
	if err := c.look(); err != nil {
		c.Close()
		return nil, fileerr.Of("read", name, err)
	}
	if etag != "" && etag != c.Etag {
		c.Close()
		return nil, fileerr.New(fileerr.Changed, "read", name, "its etag is %s now", c.Etag)
	}
	return c, nil
}

func (c *Content) look() error {
	var stat unix.Stat_t
	if err := unix.Fstat(c.fd, &stat); err != nil {
		return err
	}
	if err := checkRegular("read", c.Path, stat.Mode); err != nil {
		return err
	}
	c.Size, c.Mode = stat.Size, stat.Mode&permissions
	fields := fmt.Sprint(stat.Dev, stat.Ino, stat.Size, stat.Mtim, stat.Ctim)
	c.Etag = fmt.Sprintf("%016x", xxhash.Sum64String(fields))
	return c.readKernelFile()
}

// Close closes the file.
func (c *Content) Close() { unix.Close(c.fd) }

// Send writes length bytes from offset, -1 for what there was when the file was opened; never more than that.
func (c *Content) Send(to *dataframe.Writer, offset, length int64) error {
	left := max(c.Size-offset, 0)
	if length < 0 || length > left {
		length = left
	}
	if c.kernel != nil && length > 0 {
		_, err := to.Write(c.kernel[offset : offset+length])
		return err
	}
	err := sendLarge(to, c.fd, offset, length)
	if err == io.ErrUnexpectedEOF {
		return fileerr.New(fileerr.Changed, "read", c.Path, "it has become shorter")
	}
	return err
}

// checkRegular refuses what has no content of its own.
func checkRegular(doing, name string, mode uint32) error {
	switch kind := typeOf(mode); kind {
	case "file":
		return nil
	case "directory":
		return fileerr.Of(doing, name, unix.EISDIR)
	default:
		return fileerr.New(fileerr.Failed, doing, name, "it is a %s, not a file", kind)
	}
}
