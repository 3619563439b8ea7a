package tree

import (
	"strings"

	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

// level is a directory that is open to be unpacked into.
type level struct {
	path  string // below the root; "" is the root
	fd    int
	times []unix.Timespec // to be set when nothing more is put into it; nil: none
}

// busyTries is how often a path is resolved again that was renamed meanwhile.
const busyTries = 16

// enter opens the directory at a path below the root, makes what is missing of it, and leaves those it is not in.
func (u *unpacker) enter(directory string) (int, error) {
	for top := u.top(); top.path != "" && top.path != directory && !strings.HasPrefix(directory, top.path+"/"); top = u.top() {
		if err := u.leave(); err != nil {
			return -1, err
		}
	}
	for {
		top := u.top()
		if top.path == directory {
			return top.fd, nil
		}
		next, rest := "", directory
		if top.path != "" {
			next, rest = top.path+"/", directory[len(top.path)+1:]
		}
		name, _, _ := strings.Cut(rest, "/")
		next += name
		fd, err := u.open(next)
		if err == unix.ENOENT {
			if err = unix.Mkdirat(top.fd, name, 0o755); err == nil || err == unix.EEXIST {
				fd, err = u.open(next)
			}
		}
		if err != nil {
			return -1, u.explain(next, err)
		}
		u.stack = append(u.stack, level{path: next, fd: fd})
	}
}

func (u *unpacker) top() *level { return &u.stack[len(u.stack)-1] }

// open opens a directory below the root. Links on the way are followed only inside the root.
func (u *unpacker) open(path string) (int, error) {
	var err error
	for range busyTries {
		var fd int
		fd, err = unix.Openat2(u.stack[0].fd, path, &unix.OpenHow{
			Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
		})
		switch err {
		case nil:
			return fd, nil
		case unix.EAGAIN, unix.EINTR:
			continue
		case unix.EXDEV, unix.ELOOP:
			return -1, u.invalid(path, "a link leads out of the directory it is unpacked to, or in circles")
		}
		return -1, err
	}
	return -1, err
}

// leave closes the innermost directory.
func (u *unpacker) leave() error {
	top := u.top()
	u.stack = u.stack[:len(u.stack)-1]
	defer unix.Close(top.fd)
	if top.times == nil {
		return nil
	}
	return fileerr.Of("unpack", u.at(top.path), unix.UtimesNanoAt(top.fd, ".", top.times, 0))
}

func (u *unpacker) closeAll() {
	for _, level := range u.stack {
		unix.Close(level.fd)
	}
	u.stack = nil
}
