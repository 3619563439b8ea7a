package files

import (
	"errors"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

// Append adds what `from` carries to the file, in place. When that fails half-way, what was added is taken back, unless
// somebody else has written to the file meanwhile.
func Append(p Put, from *dataframe.Reader) (Entry, error) {
	at, err := p.findPlace()
	if err != nil {
		return Entry{}, err
	}
	defer at.close()
	flags := unix.O_WRONLY | unix.O_APPEND | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	fd, err := unix.Openat(at.dir, at.base, flags|unix.O_CREAT|unix.O_EXCL, 0o600)
	created := err == nil
	if err == unix.EEXIST {
		fd, err = unix.Openat(at.dir, at.base, flags, 0)
	}
	if err != nil {
		return Entry{}, fileerr.Of("append to", at.asked, err)
	}
	defer unix.Close(fd)
	var before unix.Stat_t
	if err := unix.Fstat(fd, &before); err != nil {
		return Entry{}, fileerr.Of("append to", at.asked, err)
	}
	if err := checkRegular("append to", at.asked, before.Mode); err != nil {
		return Entry{}, err
	}
	end, err := receive(fd, from, before.Size)
	if err == nil {
		err = setOwnerAndMode(fd, at.uid, at.gid, at.mode)
	}
	if err == nil {
		err = unix.Fsync(fd)
	}
	if err != nil {
		return Entry{}, explainTransfer("append to", at.asked, errors.Join(err, at.takeBack(fd, created, before.Size, end)))
	}
	return entryOf(at.asked, true)
}

// takeBack undoes an append that has made the file end bytes long.
func (at *place) takeBack(fd int, created bool, size, end int64) error {
	var now unix.Stat_t
	if err := unix.Fstat(fd, &now); err != nil || now.Size != end {
		return err
	}
	if created {
		return unix.Unlinkat(at.dir, at.base, 0)
	}
	return unix.Ftruncate(fd, size)
}
