package walk

import (
	"sync"

	"golang.org/x/sys/unix"
)

// direntBuffers are what directories are read into; about a thousand names fit into one.
var direntBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// Names reads a directory from where its descriptor stands and hands over its names in batches, in the file system's
// order, without `.` and `..`. A batch is valid until the next one.
func Names(fd int, use func(batch []string) error) error {
	var batch []string
	for {
		var err error
		if batch, err = nextNames(fd, batch[:0]); err != nil || batch == nil {
			return err
		}
		if err := use(batch); err != nil {
			return err
		}
	}
}

// nextNames appends what one read of the directory returns; nil at its end. The buffer is held only meanwhile, so that
// a deep walk does not hold one for each level.
func nextNames(fd int, batch []string) ([]string, error) {
	buffer := direntBuffers.Get().(*[32 << 10]byte)
	defer direntBuffers.Put(buffer)
	for {
		n, err := unix.ReadDirent(fd, buffer[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return nil, err
		}
		_, _, batch = unix.ParseDirent(buffer[:n], -1, batch)
		if batch == nil { // only `.` and `..`
			batch = []string{}
		}
		return batch, nil
	}
}
