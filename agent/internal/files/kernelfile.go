package files

import (
	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

// kernelFileLimit is the most bytes of a file of /proc or /sys.
const kernelFileLimit = 1 << 20

// readKernelFile takes in a file whose content the kernel makes up while it is read: its size means nothing.
func (c *Content) readKernelFile() error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(c.fd, &fs); err != nil {
		return err
	}
	if fs.Type != unix.PROC_SUPER_MAGIC && fs.Type != unix.SYSFS_MAGIC && fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return nil
	}
	content := make([]byte, 0, 4096)
	for {
		if len(content) == cap(content) {
			content = append(content, 0)[:len(content)]
		}
		n, err := unix.Read(c.fd, content[len(content):cap(content)])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			c.kernel, c.Size = content, int64(len(content))
			return nil
		}
		content = content[:len(content)+n]
		if len(content) > kernelFileLimit {
			return fileerr.New(fileerr.Failed, "read", c.Path, "more than %d bytes of a kernel's file are not read", kernelFileLimit)
		}
	}
}
