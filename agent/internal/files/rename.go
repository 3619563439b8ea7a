package files

import (
	"context"
	"errors"

	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

// Rename makes `to` the name of what `from` is; with replace in the place of a file or an empty directory. Where the
// kernel cannot (another file system; a directory of the image) it is copied completely, placed, and then removed.
func Rename(ctx context.Context, from, to string, replace bool) (Entry, error) {
	if err := checkPaths(&from, &to); err != nil {
		return Entry{}, err
	}
	flags := uint(unix.RENAME_NOREPLACE)
	if replace {
		flags = 0
	}
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags)
	if err == unix.EXDEV {
		err = moveAcross(ctx, from, to, flags)
	}
	if err != nil {
		return Entry{}, explainRename(from, to, err)
	}
	return entryOf(to, false)
}

func explainRename(from, to string, err error) error {
	var stat unix.Stat_t
	if missing := unix.Lstat(from, &stat); missing != nil {
		return fileerr.Of("rename", from, missing)
	}
	if errors.Is(err, unix.EINVAL) {
		return fileerr.New(fileerr.PathInvalid, "rename to", to, "a directory cannot be moved into itself")
	}
	return fileerr.Of("rename to", to, err)
}

func moveAcross(ctx context.Context, from, to string, flags uint) error {
	var source, present unix.Stat_t
	if err := unix.Lstat(from, &source); err != nil {
		return err
	}
	if flags != 0 && unix.Lstat(to, &present) == nil {
		return unix.EEXIST
	}
	dir, base, err := openParent("rename to", to)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if inside, err := isInside(dir, &source); err != nil || inside {
		return errors.Join(err, unix.EINVAL)
	}
	temp := tempName()
	err = copyInto(ctx, from, dir, temp, to, false)
	if err == nil {
		err = unix.Renameat2(dir, temp, dir, base, flags)
	}
	if err != nil {
		// Also when the client has gone: nothing of the attempt stays.
		dropped := removeAt(context.WithoutCancel(ctx), dir, temp, joinPath(to, "..")+"/"+temp)
		if code(dropped) != fileerr.NotFound {
			err = errors.Join(err, dropped)
		}
		return err
	}
	return removePath(ctx, from, true)
}
