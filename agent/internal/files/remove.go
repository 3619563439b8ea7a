package files

import (
	"context"

	"bandsox.dev/agent/internal/fileerr"
	"bandsox.dev/agent/internal/walk"
	"golang.org/x/sys/unix"
)

// sweeps is how often a directory is emptied again that others fill meanwhile.
const sweeps = 8

// Remove removes name; a directory that is not empty only with recursive. Links are removed, not followed; what is
// mounted below stays, and so does everything above it. missingOk makes a missing name no error.
func Remove(ctx context.Context, name string, recursive, missingOk bool) error {
	name, err := CheckPath(name)
	if err != nil {
		return err
	}
	err = removePath(ctx, name, recursive)
	if missingOk && code(err) == fileerr.NotFound {
		return nil
	}
	return err
}

func removePath(ctx context.Context, name string, recursive bool) error {
	var root, stat unix.Stat_t
	if err := unix.Stat("/", &root); err != nil {
		return fileerr.Of("remove", "/", err)
	}
	if err := unix.Lstat(name, &stat); err != nil {
		return fileerr.Of("remove", name, err)
	}
	if stat.Dev == root.Dev && stat.Ino == root.Ino {
		return fileerr.New(fileerr.PermissionDenied, "remove", name, "the root is never removed")
	}
	dir, base, err := openParent("remove", name)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if recursive {
		return removeAt(ctx, dir, base, name)
	}
	err = unix.Unlinkat(dir, base, 0)
	if err == unix.EISDIR {
		err = unix.Unlinkat(dir, base, unix.AT_REMOVEDIR)
	}
	return fileerr.Of("remove", name, err)
}

// removeAt removes base from the directory dir, with all that is below.
func removeAt(ctx context.Context, dir int, base, name string) error {
	err := unix.Unlinkat(dir, base, 0)
	if err != unix.EISDIR {
		return fileerr.Of("remove", name, err)
	}
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fileerr.Of("remove", name, err)
	}
	return removeDirectory(ctx, dir, base, name, fd, 1)
}

// removeDirectory empties the directory that is open as fd, closes it and removes it from its parent.
func removeDirectory(ctx context.Context, parent int, base, name string, fd, depth int) error {
	defer unix.Close(fd)
	if depth > walk.DepthLimit {
		return fileerr.New(fileerr.Failed, "remove", name, "more than %d directories are nested", walk.DepthLimit)
	}
	for range sweeps {
		if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil {
			return fileerr.Of("remove", name, err)
		}
		err := walk.Names(fd, func(batch []string) error {
			for _, entry := range batch {
				if err := removeEntry(ctx, fd, entry, joinPath(name, entry), depth); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
		if err == nil {
			err = unix.Unlinkat(parent, base, unix.AT_REMOVEDIR)
		}
		if err != unix.ENOTEMPTY {
			return fileerr.Of("remove", name, err)
		}
	}
	return fileerr.Of("remove", name, unix.ENOTEMPTY)
}

func removeEntry(ctx context.Context, dir int, base, name string, depth int) error {
	err := unix.Unlinkat(dir, base, 0)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	if err != unix.EISDIR {
		return fileerr.Of("remove", name, err)
	}
	fd, err := walk.OpenBelow(dir, base)
	switch {
	case err == unix.ENOENT:
		return nil
	case err == unix.EXDEV:
		return fileerr.New(fileerr.Failed, "remove", name, "something is mounted there")
	case err != nil:
		return fileerr.Of("remove", name, err)
	}
	return removeDirectory(ctx, dir, base, name, fd, depth+1)
}
