package files

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// begin registers a transfer as under way and returns the broken one it goes on with, if there is one. One of that name
// that is under way is stopped first.
func (u *Uploads) begin(ctx context.Context, key uploadKey, now *upload) (*upload, error) {
	for {
		u.mu.Lock()
		present := u.known[key]
		if present == nil || present.expiry != nil {
			if present != nil {
				present.expiry.Stop()
			}
			u.known[key] = now
			u.mu.Unlock()
			return present, nil
		}
		present.stop() // under the lock: once it has finished, its request may not be touched
		u.mu.Unlock()
		select {
		case <-present.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// finish ends a transfer under way; a broken one stays known for a while.
func (u *Uploads) finish(key uploadKey, now *upload, broken bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	defer close(now.done)
	if !broken {
		delete(u.known, key)
		return
	}
	now.brokenAt = time.Now()
	now.expiry = time.AfterFunc(u.keep, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.known[key] == now {
			u.drop(key, now)
		}
	})
	u.makeRoom()
}

// makeRoom drops the transfer that broke first when there are too many.
func (u *Uploads) makeRoom() {
	broken, oldest := 0, uploadKey{}
	for key, one := range u.known {
		if one.expiry == nil {
			continue
		}
		broken++
		if first := u.known[oldest]; first == nil || one.brokenAt.Before(first.brokenAt) {
			oldest = key
		}
	}
	if broken > u.limit {
		u.known[oldest].expiry.Stop()
		u.drop(oldest, u.known[oldest])
	}
}

// drop forgets a broken transfer and removes its file, if that is still the one.
func (u *Uploads) drop(key uploadKey, broken *upload) {
	delete(u.known, key)
	var stat unix.Stat_t
	path := joinPath(broken.dir, broken.temp)
	if unix.Lstat(path, &stat) == nil && inodeOf(&stat) == broken.file {
		unix.Unlink(path) // nobody is left to be told of a failure
	}
}
