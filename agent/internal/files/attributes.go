package files

import (
	"context"
	"strconv"

	"bandsox.dev/agent/internal/walk"
	"golang.org/x/sys/unix"
)

// Chmod gives name, followed if it is a link, the permission bits of mode; with recursive everything below it too,
// links excepted.
func Chmod(ctx context.Context, name string, mode uint32, recursive bool) (Entry, error) {
	return attribute(ctx, name, recursive, func(n *walk.Node, follow bool) error {
		if n.Stat.Mode&unix.S_IFMT == unix.S_IFLNK {
			return nil
		}
		return chmodAt(n.Dir, n.Name, mode, follow)
	})
}

// Chown gives name, followed if it is a link, an owner and a group, -1 for the one it has; with recursive everything
// below it too, links themselves included.
func Chown(ctx context.Context, name string, uid, gid int, recursive bool) (Entry, error) {
	return attribute(ctx, name, recursive, func(n *walk.Node, follow bool) error {
		flags := unix.AT_SYMLINK_NOFOLLOW
		if follow {
			flags = 0
		}
		return unix.Fchownat(n.Dir, n.Name, uid, gid, flags)
	})
}

func attribute(ctx context.Context, name string, recursive bool, change func(n *walk.Node, follow bool) error) (Entry, error) {
	name, err := CheckPath(name)
	if err != nil {
		return Entry{}, err
	}
	if err := walk.Tree(ctx, name, true, &changer{recursive, change}); err != nil {
		return Entry{}, err
	}
	return entryOf(name, true)
}

// changer changes nodes on the way down: the agent is root, no mode keeps it out.
type changer struct {
	recursive bool
	change    func(n *walk.Node, follow bool) error
}

func (c *changer) Enter(n *walk.Node) (bool, error) {
	err := c.change(n, n.Path == "")
	if err == unix.ENOENT && n.Path != "" {
		return false, nil // gone meanwhile
	}
	return c.recursive, err
}

func (c *changer) Leave(*walk.Node) error { return nil }

// chmodAt never follows a link unless told to. Before Linux 6.6 fchmodat cannot be told not to, so the file is pinned
// first.
func chmodAt(dir int, name string, mode uint32, follow bool) error {
	if follow {
		return unix.Fchmodat(dir, name, mode, 0)
	}
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), mode)
}

// setOwnerAndMode is for a file that has just been made. The mode comes last: a change of owner clears set-id bits.
func setOwnerAndMode(fd, uid, gid int, mode uint32) error {
	if uid != -1 || gid != -1 {
		if err := unix.Fchown(fd, uid, gid); err != nil {
			return err
		}
	}
	return unix.Fchmod(fd, mode)
}
