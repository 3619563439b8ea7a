// Package walk visits what is below a path by the descriptors of its directories: whatever a guest's processes rename
// or link meanwhile, a visit never leaves the tree, and never the mount of its root.
package walk

import (
	"context"

	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

// DepthLimit is how many directories deep a tree may nest: there is a descriptor for each.
const DepthLimit = 2048

// Node is one thing of a tree.
type Node struct {
	Dir  int    // descriptor of the directory that holds it; for the root it may be unix.AT_FDCWD
	Name string // in Dir; for the root its path
	Path string // below the root, without a slash in front; "" for the root
	Stat unix.Stat_t
}

// IsDir says whether it is a directory.
func (n *Node) IsDir() bool { return n.Stat.Mode&unix.S_IFMT == unix.S_IFDIR }

// Visitor takes the nodes of a tree, directories before what they hold.
type Visitor interface {
	// Enter takes a node; descend counts for directories only.
	Enter(n *Node) (descend bool, err error)
	// Leave follows when a directory that was descended into has been visited.
	Leave(n *Node) error
}

type walk struct {
	ctx     context.Context
	root    string
	visitor Visitor
}

// Tree visits root and what is below it; a link at its end is visited as what it points to if follow is set. What
// vanishes meanwhile is passed over. Mount points are visited but not descended into. Errors name their path.
func Tree(ctx context.Context, root string, follow bool, visitor Visitor) error {
	w := &walk{ctx: ctx, root: root, visitor: visitor}
	node := &Node{Dir: unix.AT_FDCWD, Name: root}
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	if err := unix.Fstatat(node.Dir, node.Name, &node.Stat, flags); err != nil {
		return fileerr.Of("look at", root, err)
	}
	return w.visit(node, 0, func() (int, error) {
		nofollow := unix.O_NOFOLLOW
		if follow {
			nofollow = 0
		}
		return unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|nofollow, 0)
	})
}

func (w *walk) visit(node *Node, depth int, open func() (int, error)) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	descend, err := w.visitor.Enter(node)
	if err != nil {
		return fileerr.Of("handle", w.at(node.Path), err)
	}
	if !descend || !node.IsDir() {
		return nil
	}
	fd, err := open()
	if err == nil {
		err = w.below(fd, node.Path, depth+1)
		unix.Close(fd)
	}
	if err != nil && err != unix.EXDEV && err != unix.ENOENT {
		return fileerr.Of("read the directory", w.at(node.Path), err)
	}
	return fileerr.Of("handle", w.at(node.Path), w.visitor.Leave(node))
}

func (w *walk) below(fd int, path string, depth int) error {
	if depth > DepthLimit {
		return fileerr.New(fileerr.Failed, "read the directory", w.at(path), "more than %d directories are nested", DepthLimit)
	}
	node := &Node{Dir: fd}
	return Names(fd, func(batch []string) error {
		for _, name := range batch {
			err := unix.Fstatat(fd, name, &node.Stat, unix.AT_SYMLINK_NOFOLLOW)
			if err == unix.ENOENT {
				continue
			}
			node.Name, node.Path = name, join(path, name)
			if err != nil {
				return fileerr.Of("look at", w.at(node.Path), err)
			}
			err = w.visit(node, depth, func() (int, error) { return OpenBelow(fd, name) })
			if err != nil {
				return err
			}
			node.Dir = fd
		}
		return nil
	})
}

// at is the whole path of something below the root.
func (w *walk) at(path string) string {
	if path == "" {
		return w.root
	}
	return join(w.root, path)
}

func join(directory, name string) string {
	if directory == "" || directory[len(directory)-1] == '/' {
		return directory + name
	}
	return directory + "/" + name
}

// OpenBelow opens the directory name of another one to be read: unix.EXDEV when something is mounted there, never
// through a link.
func OpenBelow(dir int, name string) (int, error) {
	return unix.Openat2(dir, name, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_BENEATH,
	})
}

// OpenInside opens the directory at a path below root, through no link; "" is root itself.
func OpenInside(root int, path string) (int, error) {
	if path == "" {
		path = "."
	}
	return unix.Openat2(root, path, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_BENEATH,
	})
}
