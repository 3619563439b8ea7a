package files

import (
	"context"
	"errors"
	"io"
	"os"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

// Put is a file to be written.
type Put struct {
	Path     string
	Mode     int // -1: that of the file there is, else 0644
	UID, GID int // -1: those of the file there is, else root's
	Parents  bool
	Upload   string // name of the transfer; "" when it is not to be resumed
	Offset   int64  // where data goes on, in bytes; only with Upload
}

// place is where a Put ends up once links are followed.
type place struct {
	asked    string // the path that was asked for
	path     string // the path that is written
	dir      int    // its directory
	base     string // its name in there
	mode     uint32
	uid, gid int
	exists   bool
}

// findPlace opens the directory of what is to be written; close must be called.
func (p Put) findPlace() (*place, error) {
	asked, err := CheckPath(p.Path)
	if err != nil {
		return nil, err
	}
	path, err := followLinks("write", asked)
	if err != nil {
		return nil, err
	}
	if p.Parents {
		if err := makeParents(path); err != nil {
			return nil, err
		}
	}
	dir, base, err := openParent("write", path)
	if err != nil {
		return nil, err
	}
	at := &place{asked: asked, path: path, dir: dir, base: base}
	if err := at.look(p); err != nil {
		at.close()
		return nil, err
	}
	return at, nil
}

func (at *place) close() { unix.Close(at.dir) }

// look finds out which owner and mode the file gets.
func (at *place) look(p Put) error {
	var stat unix.Stat_t
	err := unix.Fstatat(at.dir, at.base, &stat, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil && err != unix.ENOENT {
		return fileerr.Of("write", at.asked, err)
	}
	at.exists = err == nil
	at.mode, at.uid, at.gid = newFileMode, 0, 0
	if at.exists {
		if err := checkRegular("write", at.asked, stat.Mode); err != nil {
			return err
		}
		at.mode, at.uid, at.gid = stat.Mode&permissions, int(stat.Uid), int(stat.Gid)
	}
	if p.Mode != -1 {
		at.mode = uint32(p.Mode)
	}
	if p.UID != -1 {
		at.uid = p.UID
	}
	if p.GID != -1 {
		at.gid = p.GID
	}
	return nil
}

// Write puts what `from` carries in the place of the file, all at once when it is complete and verified. A transfer
// with a name that breaks is kept to be resumed. stop must make a pending read of `from` fail: a client that comes back
// does not wait for its lost connection to be noticed.
func (u *Uploads) Write(ctx context.Context, p Put, from *dataframe.Reader, stop func()) (Entry, error) {
	at, err := p.findPlace()
	if err != nil {
		return Entry{}, err
	}
	defer at.close()
	temp, done, err := u.open(ctx, p, at, stop)
	if err != nil {
		return Entry{}, fileerr.Of("write", at.asked, err)
	}
	err = at.fill(temp, p, from)
	temp.Close()
	done(err)
	if err != nil {
		return Entry{}, explainTransfer("write", at.asked, err)
	}
	return entryOf(at.asked, true)
}

// fill completes the temporary file and gives it its name.
func (at *place) fill(temp *os.File, p Put, from *dataframe.Reader) error {
	if p.Offset > 0 {
		if err := from.Before(io.NewSectionReader(temp, 0, p.Offset)); err != nil {
			return err
		}
	}
	fd := int(temp.Fd())
	if err := receiveWhole(fd, from, p.Offset); err != nil {
		return err
	}
	if err := at.look(p); err != nil { // as it is now: the transfer may have taken long
		return err
	}
	if err := setOwnerAndMode(fd, at.uid, at.gid, at.mode); err != nil {
		return err
	}
	if err := unix.Fsync(fd); err != nil {
		return err
	}
	return unix.Renameat(at.dir, temp.Name(), at.dir, at.base)
}

// receive writes data from offset until its verified end and returns where that is.
func receive(fd int, from payloads, offset int64) (int64, error) {
	for {
		payload, err := from.Next()
		if err == io.EOF {
			return offset, nil
		}
		if err != nil {
			return offset, err
		}
		if err := writeAll(fd, payload, offset); err != nil {
			return offset, err
		}
		offset += int64(len(payload))
	}
}

// explainTransfer makes a checksum that does not fit the file's error. Other faults of the frames are the request's.
func explainTransfer(doing, path string, err error) error {
	switch {
	case errors.Is(err, dataframe.ErrChecksum):
		return fileerr.New(fileerr.ChecksumMismatch, doing, path, "%w", err)
	case errors.Is(err, dataframe.ErrBroken), errors.Is(err, dataframe.ErrFormat):
		return err
	}
	return fileerr.Of(doing, path, err)
}
