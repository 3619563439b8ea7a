package files

import (
	"context"
	"errors"

	"bandsox.dev/agent/internal/fileerr"
	"bandsox.dev/agent/internal/walk"
	"golang.org/x/sys/unix"
)

// Copy makes `to` what `from` is, with modes, owners, times and links; links are copied, not followed, at both ends. A
// directory is copied only with recursive and goes into one that exists already; files that exist there are replaced.
// Without replace `to` must not exist. What is mounted below `from` is not copied.
func Copy(ctx context.Context, from, to string, recursive, replace bool) (Entry, error) {
	if err := checkPaths(&from, &to); err != nil {
		return Entry{}, err
	}
	var source unix.Stat_t
	if err := unix.Lstat(from, &source); err != nil {
		return Entry{}, fileerr.Of("copy", from, err)
	}
	isDir := source.Mode&unix.S_IFMT == unix.S_IFDIR
	if isDir && !recursive {
		return Entry{}, fileerr.New(fileerr.IsDirectory, "copy", from, "it is a directory, and the copy is not recursive")
	}
	dir, base, err := openParent("copy to", to)
	if err != nil {
		return Entry{}, err
	}
	defer unix.Close(dir)
	if err := checkDestination(&source, dir, base, to, replace); err != nil {
		return Entry{}, err
	}
	if err := copyInto(ctx, from, dir, base, to, replace); err != nil {
		return Entry{}, err
	}
	return entryOf(to, false)
}

// checkDestination refuses, before anything is written, what cannot be copied to.
func checkDestination(source *unix.Stat_t, dir int, base, to string, replace bool) error {
	var present unix.Stat_t
	err := unix.Fstatat(dir, base, &present, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil && err != unix.ENOENT {
		return fileerr.Of("copy to", to, err)
	}
	isDir := source.Mode&unix.S_IFMT == unix.S_IFDIR
	if err == nil {
		switch ontoDir := present.Mode&unix.S_IFMT == unix.S_IFDIR; {
		case present.Dev == source.Dev && present.Ino == source.Ino:
			return fileerr.New(fileerr.PathInvalid, "copy to", to, "it is what is to be copied")
		case !replace:
			return fileerr.Of("copy to", to, unix.EEXIST)
		case isDir && !ontoDir:
			return fileerr.Of("copy to", to, unix.ENOTDIR)
		case !isDir && ontoDir:
			return fileerr.Of("copy to", to, unix.EISDIR)
		}
	}
	if !isDir {
		return nil
	}
	inside, err := isInside(dir, source)
	if err == nil && inside {
		return fileerr.New(fileerr.PathInvalid, "copy to", to, "it is inside what is to be copied")
	}
	return fileerr.Of("copy to", to, err)
}

// isInside says whether the directory dir is the given one or below it.
func isInside(dir int, of *unix.Stat_t) (bool, error) {
	fd, err := unix.Openat(dir, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	for before := (unix.Stat_t{}); err == nil; {
		var here unix.Stat_t
		if err := unix.Fstat(fd, &here); err != nil {
			return false, errors.Join(err, unix.Close(fd))
		}
		if here.Dev == of.Dev && here.Ino == of.Ino {
			return true, unix.Close(fd)
		}
		if here.Dev == before.Dev && here.Ino == before.Ino { // the root is its own parent
			return false, unix.Close(fd)
		}
		before = here
		var up int
		up, err = unix.Openat(fd, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		unix.Close(fd)
		fd = up
	}
	return false, err
}

// copyInto copies from to the name base of the directory dir, whose path is to.
func copyInto(ctx context.Context, from string, dir int, base, to string, replace bool) error {
	c := &copier{ctx: ctx, to: to, base: base, replace: replace, stack: []int{dir}, links: map[inode]string{}}
	defer c.close()
	return walk.Tree(ctx, from, false, c)
}
