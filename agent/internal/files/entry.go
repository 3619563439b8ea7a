package files

import (
	"path"

	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

// Entry is what a client learns of a file. Names that are not UTF-8 have U+FFFD in them once they are JSON.
type Entry struct {
	Name    string  `json:"name"`
	Path    string  `json:"path"`
	Type    string  `json:"type"`
	Size    int64   `json:"size"` // bytes
	Mode    uint32  `json:"mode"` // the twelve permission bits
	UID     uint32  `json:"uid"`
	GID     uint32  `json:"gid"`
	MtimeMs int64   `json:"mtimeMs"`          // since 1970
	Target  *string `json:"target,omitempty"` // of a symlink
}

// Stat looks at name; at what it points to if follow is set.
func Stat(name string, follow bool) (Entry, error) {
	name, err := CheckPath(name)
	if err != nil {
		return Entry{}, err
	}
	return entryOf(name, follow)
}

// entryOf is Stat of a checked path.
func entryOf(name string, follow bool) (Entry, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	return entryAt(unix.AT_FDCWD, name, name, flags)
}

// entryAt looks at name in the directory dir; whole is its path.
func entryAt(dir int, name, whole string, flags int) (Entry, error) {
	var stat unix.Stat_t
	if err := unix.Fstatat(dir, name, &stat, flags); err != nil {
		return Entry{}, fileerr.Of("look at", whole, err)
	}
	entry := Entry{
		Name: path.Base(whole), Path: whole, Type: typeOf(stat.Mode), Size: stat.Size, Mode: stat.Mode & permissions,
		UID: stat.Uid, GID: stat.Gid, MtimeMs: stat.Mtim.Sec*1000 + stat.Mtim.Nsec/1e6,
	}
	if entry.Type == "symlink" {
		target, err := readlinkAt(dir, name)
		if err != nil {
			return Entry{}, fileerr.Of("read the link", whole, err)
		}
		entry.Target = &target
	}
	return entry, nil
}

func readlinkAt(dir int, name string) (string, error) {
	buffer := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buffer)
	if err != nil {
		return "", err
	}
	return string(buffer[:n]), nil
}

func typeOf(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return "file"
	case unix.S_IFDIR:
		return "directory"
	case unix.S_IFLNK:
		return "symlink"
	case unix.S_IFIFO:
		return "fifo"
	case unix.S_IFSOCK:
		return "socket"
	}
	return "device"
}
