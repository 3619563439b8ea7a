package files

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

const (
	// brokenFor is how long a broken transfer can be resumed.
	brokenFor = 10 * time.Minute
	// brokenLimit is how many are kept; the one that broke first makes room.
	brokenLimit = 1024
)

// Uploads knows the transfers that have a name: those under way and the broken ones.
type Uploads struct {
	keep  time.Duration
	limit int
	mu    sync.Mutex
	known map[uploadKey]*upload
}

// uploadKey is the directory that is written to and the name of the transfer: the place of its temporary file.
type uploadKey struct {
	dir  inode
	name string
}

type upload struct {
	dir, temp string // the temporary file's directory and name
	base      string // what it is to become
	file      inode  // of the temporary file
	brokenAt  time.Time
	expiry    *time.Timer   // nil while it is under way
	stop      func()        // makes the transfer under way fail
	done      chan struct{} // closed when it is not under way any more
}

// NewUploads has no transfers.
func NewUploads() *Uploads {
	return &Uploads{keep: brokenFor, limit: brokenLimit, known: map[uploadKey]*upload{}}
}

// open makes or finds the temporary file of a transfer. done must be called when it has been closed.
func (u *Uploads) open(ctx context.Context, p Put, at *place, stop func()) (temp *os.File, done func(error), err error) {
	if p.Upload == "" {
		name := tempName()
		fd, err := createTemp(at.dir, name)
		if err != nil {
			return nil, nil, err
		}
		return os.NewFile(uintptr(fd), name), func(failure error) {
			if failure != nil {
				unix.Unlinkat(at.dir, name, 0) // it may be gone
			}
		}, nil
	}
	key, now, err := at.upload(p.Upload)
	if err != nil {
		return nil, nil, err
	}
	now.stop, now.done = stop, make(chan struct{})
	earlier, err := u.begin(ctx, key, now)
	if err != nil {
		return nil, nil, err
	}
	fd, err := at.openTemp(now, earlier, p.Offset)
	if err != nil {
		u.finish(key, now, earlier != nil && code(err) == fileerr.OffsetWrong)
		return nil, nil, err
	}
	return os.NewFile(uintptr(fd), now.temp), func(failure error) {
		broken := errors.Is(failure, dataframe.ErrBroken)
		if failure != nil && !broken {
			unix.Unlinkat(at.dir, now.temp, 0) // it may be gone
		}
		u.finish(key, now, broken)
	}, nil
}

// upload is the transfer of that name to this place.
func (at *place) upload(name string) (uploadKey, *upload, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(at.dir, &stat); err != nil {
		return uploadKey{}, nil, err
	}
	directory, _, err := split("write", at.path)
	return uploadKey{inodeOf(&stat), name}, &upload{dir: directory, temp: tempPrefix + name, base: at.base}, err
}

// openTemp opens the transfer's file with exactly offset bytes in it.
func (at *place) openTemp(now, earlier *upload, offset int64) (int, error) {
	if offset == 0 {
		// What lies there is a broken transfer's, maybe from before the machine was started.
		if err := unix.Unlinkat(at.dir, now.temp, 0); err != nil && err != unix.ENOENT {
			return -1, err
		}
		fd, err := createTemp(at.dir, now.temp)
		if err != nil {
			return -1, err
		}
		return now.identify(fd)
	}
	if earlier != nil {
		now.file, now.base = earlier.file, earlier.base
	}
	if earlier == nil || earlier.base != at.base {
		return -1, fileerr.New(fileerr.OffsetWrong, "resume", at.asked, "nothing is known of this transfer")
	}
	fd, err := unix.Openat(at.dir, now.temp, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	var stat unix.Stat_t
	err = unix.Fstat(fd, &stat)
	if err == nil && (inodeOf(&stat) != earlier.file || stat.Size < offset) {
		err = fileerr.New(fileerr.OffsetWrong, "resume", at.asked, "%d bytes have arrived, not %d", stat.Size, offset)
	}
	if err == nil {
		err = unix.Ftruncate(fd, offset)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (n *upload) identify(fd int) (int, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		unix.Close(fd)
		return -1, err
	}
	n.file = inodeOf(&stat)
	return fd, nil
}

// Arrived is how many bytes of a transfer to a path have arrived.
func (u *Uploads) Arrived(path, name string) (arrived int64, err error) {
	err = asked(path, name, func(at *place, key uploadKey, asked *upload) error {
		u.mu.Lock()
		present := u.known[key]
		u.mu.Unlock()
		if present == nil || present.base != asked.base {
			return errUnknownUpload
		}
		var stat unix.Stat_t
		if err := unix.Fstatat(at.dir, asked.temp, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		if inodeOf(&stat) != present.file {
			return errUnknownUpload
		}
		arrived = stat.Size
		return nil
	})
	return arrived, err
}

// End gives a transfer up that is not complete, and removes what has arrived.
func (u *Uploads) End(ctx context.Context, path, name string) error {
	return asked(path, name, func(_ *place, key uploadKey, _ *upload) error {
		ending := &upload{stop: func() {}, done: make(chan struct{})}
		defer close(ending.done)
		broken, err := u.begin(ctx, key, ending)
		if err != nil {
			return err
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		if broken == nil {
			delete(u.known, key)
			return errUnknownUpload
		}
		u.drop(key, broken)
		return nil
	})
}

var errUnknownUpload = errors.New("nothing is known of this transfer")

// asked looks for the place of a transfer that a client names.
func asked(path, name string, act func(*place, uploadKey, *upload) error) error {
	at, err := Put{Path: path, Mode: -1, UID: -1, GID: -1}.findPlace()
	if err != nil {
		return err
	}
	defer at.close()
	key, asked, err := at.upload(name)
	if err == nil {
		err = act(at, key, asked)
	}
	if err == errUnknownUpload {
		return fileerr.New(fileerr.NotFound, "resume", at.asked, "%w", err)
	}
	return fileerr.Of("resume", at.asked, err)
}
