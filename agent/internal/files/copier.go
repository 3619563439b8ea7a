package files

import (
	"context"
	"errors"
	"strings"

	"bandsox.dev/agent/internal/fileerr"
	"bandsox.dev/agent/internal/walk"
	"golang.org/x/sys/unix"
)

// linkLimit is how many files with several names a copy remembers; beyond it each name becomes a file of its own.
const linkLimit = 1 << 16

type inode struct{ dev, ino uint64 }

func inodeOf(stat *unix.Stat_t) inode { return inode{stat.Dev, stat.Ino} }

// copier makes a copy of what it visits.
type copier struct {
	ctx      context.Context
	to, base string // the copy's path and its name
	replace  bool
	stack    []int            // the directory to copy into, then those of the copy on the way to the current node
	links    map[inode]string // of files with several names, the first copy's path below `to`
}

func (c *copier) close() {
	for _, fd := range c.stack[1:] {
		unix.Close(fd)
	}
}

func (c *copier) Enter(n *walk.Node) (bool, error) {
	dir, name := c.stack[len(c.stack)-1], n.Name
	if n.Path == "" {
		name = c.base
	}
	if n.IsDir() {
		return true, c.named(n, c.enterDirectory(dir, name))
	}
	done, err := c.link(n, dir, name)
	if !done && err == nil {
		err = c.make(n, dir, name)
	}
	return false, c.named(n, err)
}

// named makes an error one of the copy's path.
func (c *copier) named(n *walk.Node, err error) error {
	if n.Path == "" {
		return fileerr.Of("copy to", c.to, err)
	}
	return fileerr.Of("copy to", joinPath(c.to, n.Path), err)
}

func (c *copier) enterDirectory(dir int, name string) error {
	if err := unix.Mkdirat(dir, name, 0o700); err != nil && err != unix.EEXIST {
		return err
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c.stack = append(c.stack, fd)
	return nil
}

// Leave completes a directory: what was put into it has changed its time.
func (c *copier) Leave(n *walk.Node) error {
	fd := c.stack[len(c.stack)-1]
	c.stack = c.stack[:len(c.stack)-1]
	defer unix.Close(fd)
	err := setOwnerAndMode(fd, int(n.Stat.Uid), int(n.Stat.Gid), n.Stat.Mode&permissions)
	if err == nil {
		err = setTimes(fd, ".", &n.Stat)
	}
	return c.named(n, err)
}

// link makes the copy a second name of one that has been made, if that is what it is.
func (c *copier) link(n *walk.Node, dir int, name string) (done bool, err error) {
	if n.Stat.Nlink < 2 || n.Path == "" {
		return false, nil
	}
	first, known := c.links[inodeOf(&n.Stat)]
	if !known {
		if len(c.links) < linkLimit {
			c.links[inodeOf(&n.Stat)] = n.Path
		}
		return false, nil
	}
	slash := strings.LastIndexByte(first, '/')
	parent, err := walk.OpenInside(c.stack[1], first[:max(slash, 0)])
	if err != nil {
		return false, err
	}
	defer unix.Close(parent)
	temp := tempName()
	if err := unix.Linkat(parent, first[slash+1:], dir, temp, 0); err != nil {
		return false, err
	}
	return true, c.place(dir, temp, name)
}

// make copies anything but a directory: complete under a temporary name, then under its own.
func (c *copier) make(n *walk.Node, dir int, name string) error {
	temp := tempName()
	var err error
	switch n.Stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		err = c.makeFile(n, dir, temp)
	case unix.S_IFLNK:
		err = makeLink(n, dir, temp)
	default:
		err = makeSpecial(n, dir, temp)
	}
	if err == nil {
		err = setTimes(dir, temp, &n.Stat)
	}
	if err == nil {
		return c.place(dir, temp, name)
	}
	if dropped := unix.Unlinkat(dir, temp, 0); dropped != nil && dropped != unix.ENOENT {
		return errors.Join(err, dropped)
	}
	return err
}

// place gives what is complete its name.
func (c *copier) place(dir int, temp, name string) error {
	flags := uint(0)
	if !c.replace {
		flags = unix.RENAME_NOREPLACE
	}
	err := unix.Renameat2(dir, temp, dir, name, flags)
	// Renaming does nothing when both are names of the same file, so the temporary name goes in any case.
	if dropped := unix.Unlinkat(dir, temp, 0); dropped != nil && dropped != unix.ENOENT {
		err = errors.Join(err, dropped)
	}
	return err
}

func (c *copier) makeFile(n *walk.Node, dir int, temp string) error {
	from, err := unix.Openat(n.Dir, n.Name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	to, err := createTemp(dir, temp)
	if err != nil {
		return err
	}
	defer unix.Close(to)
	if err := copyData(c.ctx, to, from, n.Stat.Size); err != nil {
		return err
	}
	return setOwnerAndMode(to, int(n.Stat.Uid), int(n.Stat.Gid), n.Stat.Mode&permissions)
}

func createTemp(dir int, temp string) (int, error) {
	return unix.Openat(dir, temp, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
}

func makeLink(n *walk.Node, dir int, temp string) error {
	target, err := readlinkAt(n.Dir, n.Name)
	if err != nil {
		return err
	}
	if err := unix.Symlinkat(target, dir, temp); err != nil {
		return err
	}
	return unix.Fchownat(dir, temp, int(n.Stat.Uid), int(n.Stat.Gid), unix.AT_SYMLINK_NOFOLLOW)
}

func makeSpecial(n *walk.Node, dir int, temp string) error {
	if err := unix.Mknodat(dir, temp, n.Stat.Mode&unix.S_IFMT|0o600, int(n.Stat.Rdev)); err != nil {
		return err
	}
	if err := unix.Fchownat(dir, temp, int(n.Stat.Uid), int(n.Stat.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	return chmodAt(dir, temp, n.Stat.Mode&permissions, false)
}

func setTimes(dir int, name string, stat *unix.Stat_t) error {
	return unix.UtimesNanoAt(dir, name, []unix.Timespec{stat.Atim, stat.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}
