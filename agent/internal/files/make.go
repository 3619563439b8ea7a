package files

import (
	"errors"

	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

const (
	newDirectoryMode = 0o755
	newFileMode      = 0o644
)

// Mkdir makes a directory with that mode, -1 for 0755. With parents it makes those that are missing too, and a
// directory that exists is left as it is.
func Mkdir(name string, parents bool, mode int) (Entry, error) {
	name, err := CheckPath(name)
	if err != nil {
		return Entry{}, err
	}
	if parents && isDirectory(name) {
		return entryOf(name, true)
	}
	if parents {
		if err := makeParents(name); err != nil {
			return Entry{}, err
		}
	}
	if mode == -1 {
		mode = newDirectoryMode
	}
	err = unix.Mkdir(name, uint32(mode))
	if parents && err == unix.EEXIST && isDirectory(name) {
		return entryOf(name, true)
	}
	if err == nil {
		err = chmodAt(unix.AT_FDCWD, name, uint32(mode), false) // whatever the umask is
	}
	if err != nil {
		return Entry{}, fileerr.Of("make the directory", name, err)
	}
	return entryOf(name, false)
}

func isDirectory(name string) bool {
	var stat unix.Stat_t
	return unix.Stat(name, &stat) == nil && stat.Mode&unix.S_IFMT == unix.S_IFDIR
}

// makeParents makes the directories that are missing above a checked path.
func makeParents(name string) error {
	for end := 1; end < len(name); end++ {
		if name[end] != '/' || name[end-1] == '/' {
			continue
		}
		err := unix.Mkdir(name[:end], newDirectoryMode)
		if err != nil && err != unix.EEXIST && !isDirectory(name[:end]) {
			return fileerr.Of("make the directory", name[:end], err)
		}
	}
	return nil
}

// Symlink makes name point to target, which need not exist. With replace it takes the place of anything but a
// directory.
func Symlink(name, target string, replace bool) (Entry, error) {
	name, err := CheckPath(name)
	if err != nil {
		return Entry{}, err
	}
	if target == "" || len(target) > maxPath {
		return Entry{}, fileerr.New(fileerr.PathInvalid, "link", name, "the target must have 1 to %d bytes", maxPath)
	}
	dir, base, err := openParent("link", name)
	if err != nil {
		return Entry{}, err
	}
	defer unix.Close(dir)
	if err := symlinkAt(target, dir, base, replace); err != nil {
		return Entry{}, fileerr.Of("link", name, err)
	}
	return entryOf(name, false)
}

func symlinkAt(target string, dir int, base string, replace bool) error {
	err := unix.Symlinkat(target, dir, base)
	if err != unix.EEXIST || !replace {
		return err
	}
	temp := tempName()
	if err := unix.Symlinkat(target, dir, temp); err != nil {
		return err
	}
	return renameOrDrop(dir, temp, base)
}

// renameOrDrop gives temp its final name, or removes it.
func renameOrDrop(dir int, temp, base string) error {
	if err := unix.Renameat(dir, temp, dir, base); err != nil {
		return errors.Join(err, unix.Unlinkat(dir, temp, 0))
	}
	return nil
}
