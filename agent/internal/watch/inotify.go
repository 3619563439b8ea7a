package watch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// mask is what is asked of the kernel for every directory.
const mask = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK

// notice is one event of the kernel.
type notice struct {
	wd     int
	mask   uint32
	cookie uint32 // of the two halves of a rename
	name   string // in the directory; "" for the directory itself
}

func (n notice) is(bits uint32) bool { return n.mask&bits != 0 }

// inotify is a queue of notices.
type inotify struct {
	file   *os.File
	raw    syscall.RawConn // of file: its descriptor is not used once it has been closed
	buffer []byte
}

func openInotify() (*inotify, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "inotify")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &inotify{file: file, raw: raw, buffer: make([]byte, 64<<10)}, nil
}

// add asks for what happens in a directory.
func (i *inotify) add(path string) (wd int, err error) {
	closed := i.raw.Control(func(fd uintptr) { wd, err = unix.InotifyAddWatch(int(fd), path, mask) })
	return wd, errors.Join(closed, err)
}

// remove takes that back; for what is gone it does nothing.
func (i *inotify) remove(wd int) {
	i.raw.Control(func(fd uintptr) { unix.InotifyRmWatch(int(fd), uint32(wd)) })
}

// batch waits for notices and returns what there is. idle is called before it waits: then all that has happened until
// the previous call has been returned. After close it is an error.
func (i *inotify) batch(idle func()) ([]notice, error) {
	notices, err := i.next(idle)
	if len(notices) == 0 || !notices[len(notices)-1].is(unix.IN_MOVED_FROM) {
		return notices, err
	}
	// The kernel adds the halves of a rename one after the other.
	i.file.SetReadDeadline(time.Now().Add(halfWait))
	defer i.file.SetReadDeadline(time.Time{})
	rest, err := i.next(func() {})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil // it went out of what is watched
	}
	return append(notices, rest...), err
}

// halfWait is how long the second half of a rename may take to come.
const halfWait = 5 * time.Millisecond

func (i *inotify) next(idle func()) ([]notice, error) {
	n, failure := 0, error(nil)
	err := i.raw.Read(func(fd uintptr) bool {
		for {
			n, failure = unix.Read(int(fd), i.buffer)
			if failure != unix.EINTR {
				break
			}
		}
		if failure == unix.EAGAIN {
			idle()
			return false
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return parse(i.buffer[:max(n, 0)]), failure
}

// parse takes the kernel's struct inotify_event apart.
func parse(p []byte) []notice {
	var notices []notice
	for len(p) >= unix.SizeofInotifyEvent {
		size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(p[12:]))
		if size > len(p) {
			return notices
		}
		name, _, _ := bytes.Cut(p[unix.SizeofInotifyEvent:size], []byte{0})
		notices = append(notices, notice{
			wd:   int(int32(binary.NativeEndian.Uint32(p))),
			mask: binary.NativeEndian.Uint32(p[4:]), cookie: binary.NativeEndian.Uint32(p[8:]), name: string(name),
		})
		p = p[size:]
	}
	return notices
}

// close makes batch fail.
func (i *inotify) close() { i.file.Close() }
