package tree

import (
	"archive/tar"
	"errors"
	"io"
	"strconv"
	"strings"
	"unsafe"

	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

// spot is where an entry goes.
type spot struct {
	dir  int    // its directory
	base string // its name in there
	name string // its path below the root
}

const newFile = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC

func (u *unpacker) makeDirectory(at spot, header *tar.Header) error {
	err := unix.Mkdirat(at.dir, at.base, 0o700)
	made := err == nil
	if err != nil && err != unix.EEXIST {
		return err
	}
	fd, err := u.open(at.name)
	if !made && err != nil { // something else is there, or a link to elsewhere
		if !u.target.Replace {
			return unix.EEXIST
		}
		if err := unix.Unlinkat(at.dir, at.base, 0); err != nil {
			return err
		}
		if err := unix.Mkdirat(at.dir, at.base, 0o700); err != nil {
			return err
		}
		made = true
		fd, err = u.open(at.name)
	}
	if err != nil {
		return err
	}
	here := level{path: at.name, fd: fd}
	if made || u.target.Replace {
		err = u.setAttributes(fd, header)
		here.times = timesOf(header)
	}
	u.stack = append(u.stack, here)
	return err
}

// setAttributes gives an open file all of the header but its time. The mode comes after the owner: a change of owner
// clears set-id bits, and capabilities.
func (u *unpacker) setAttributes(fd int, header *tar.Header) error {
	if u.target.KeepOwners {
		if err := unix.Fchown(fd, header.Uid, header.Gid); err != nil {
			return err
		}
	}
	if err := unix.Fchmod(fd, u.mode(header)); err != nil {
		return err
	}
	return writeXattrs(fd, header.PAXRecords, u.target.KeepOwners)
}

// setTimes needs no look at the file's name, which it may lose meanwhile.
func setTimes(fd int, times []unix.Timespec) error {
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&times[0])), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func timesOf(header *tar.Header) []unix.Timespec {
	when := unix.Timespec{Sec: header.ModTime.Unix(), Nsec: int64(header.ModTime.Nanosecond())}
	return []unix.Timespec{when, when}
}

// makeFile writes a file under its name where nothing is, else under a temporary one.
func (u *unpacker) makeFile(at spot, header *tar.Header) error {
	return u.place(at, func(name string) error {
		fd, err := unix.Openat(at.dir, name, newFile, 0o600)
		if err != nil {
			return err
		}
		here := &part{dir: at.dir, name: name, isShown: name == at.base}
		u.part = here
		err = u.writeData(fd, header.Size)
		u.part = nil
		if err == nil {
			err = u.setAttributes(fd, header)
		}
		if err == nil {
			err = setTimes(fd, timesOf(header))
		}
		unix.Close(fd)
		if err == nil {
			err = here.show(name, u.target.Replace)
		}
		if err != nil {
			return errors.Join(err, unix.Unlinkat(at.dir, here.name, 0))
		}
		return nil
	})
}

// place calls make with the entry's name, or, when that exists and may be replaced, with another that is then renamed.
// make returns unix.EEXIST when the name exists, and leaves nothing behind when it fails.
func (u *unpacker) place(at spot, make func(name string) error) error {
	err := make(at.base)
	if err != unix.EEXIST || !u.target.Replace {
		return err
	}
	temp := tempName()
	if err := make(temp); err != nil {
		return err
	}
	err = unix.Renameat(at.dir, temp, at.dir, at.base)
	// Renaming does nothing when both are names of the same file, so the temporary name goes in any case.
	if dropped := unix.Unlinkat(at.dir, temp, 0); dropped != nil && dropped != unix.ENOENT {
		err = errors.Join(err, dropped)
	}
	return err
}

func (u *unpacker) writeData(fd int, size int64) error {
	for size > 0 {
		chunk := u.buffer[:min(size, int64(len(u.buffer)))]
		if _, err := io.ReadFull(u.tar, chunk); err != nil {
			return u.explainRead(err)
		}
		size -= int64(len(chunk))
		u.done.Bytes += int64(len(chunk))
		for len(chunk) > 0 {
			n, err := unix.Write(fd, chunk)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return err
			}
			chunk = chunk[n:]
		}
	}
	return nil
}

// makeOther makes links, fifos and devices.
func (u *unpacker) makeOther(at spot, header *tar.Header) error {
	if header.Typeflag == tar.TypeLink {
		return u.makeHardLink(at, header.Linkname)
	}
	if header.Typeflag == tar.TypeSymlink && (header.Linkname == "" || len(header.Linkname) >= unix.PathMax || strings.IndexByte(header.Linkname, 0) >= 0) {
		return u.invalid(at.name, "it links to nothing, or to a name that is too long or has a zero byte in it")
	}
	return u.place(at, func(name string) error {
		if err := u.makeNode(at.dir, name, header); err != nil {
			return err
		}
		err := u.setNodeAttributes(at.dir, name, header)
		if err != nil {
			return errors.Join(err, unix.Unlinkat(at.dir, name, 0))
		}
		return nil
	})
}

func (u *unpacker) makeNode(dir int, name string, header *tar.Header) error {
	device := int(unix.Mkdev(uint32(header.Devmajor), uint32(header.Devminor)))
	switch header.Typeflag {
	case tar.TypeSymlink:
		return unix.Symlinkat(header.Linkname, dir, name)
	case tar.TypeFifo:
		return unix.Mknodat(dir, name, unix.S_IFIFO|0o600, 0)
	case tar.TypeChar:
		return unix.Mknodat(dir, name, unix.S_IFCHR|0o600, device)
	default:
		return unix.Mknodat(dir, name, unix.S_IFBLK|0o600, device)
	}
}

func (u *unpacker) setNodeAttributes(dir int, name string, header *tar.Header) error {
	if u.target.KeepOwners {
		if err := unix.Fchownat(dir, name, header.Uid, header.Gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	if header.Typeflag != tar.TypeSymlink {
		fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), u.mode(header)); err != nil {
			return err
		}
	}
	return unix.UtimesNanoAt(dir, name, timesOf(header), unix.AT_SYMLINK_NOFOLLOW)
}

// makeHardLink gives something inside the root a second name. Its attributes are left alone: it may have been there
// before the archive.
func (u *unpacker) makeHardLink(at spot, target string) error {
	first, err := u.clean(target)
	if err != nil {
		return err
	}
	slash := strings.LastIndexByte(first, '/')
	fd := u.stack[0].fd
	if slash >= 0 {
		if fd, err = u.open(first[:slash]); err == nil {
			defer unix.Close(fd)
		}
	}
	if err == nil {
		err = u.place(at, func(name string) error { return unix.Linkat(fd, first[slash+1:], at.dir, name, 0) })
	}
	if err == unix.ENOENT || err == unix.ENOTDIR || err == unix.EPERM {
		return fileerr.New(fileerr.ArchiveInvalid, "unpack", u.at(at.name), "it is a hard link to %s, which is no file there", first)
	}
	return err
}
