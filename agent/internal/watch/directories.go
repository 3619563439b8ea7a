package watch

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"bandsox.dev/agent/internal/glob"
	"bandsox.dev/agent/internal/walk"
	"golang.org/x/sys/unix"
)

// directoryLimit is how many directories a watch covers.
const directoryLimit = 65536

var errTooMany = errors.New("more than 65536 directories are below it")

// directories are those a watch has asked the kernel for.
type directories struct {
	inotify   *inotify
	root      string         // absolute
	recursive bool           // also below root
	exclude   glob.List      // against the path below root
	paths     map[int]string // by watch descriptor; below root, "" is root
	wds       map[string]int
	// scanned are the names that were told because a scan found them: the kernel may tell of them again.
	scanned map[string]bool
}

func newDirectories(i *inotify, root string, recursive bool, exclude glob.List) *directories {
	return &directories{
		inotify: i, root: root, recursive: recursive, exclude: exclude,
		paths: map[int]string{}, wds: map[string]int{}, scanned: map[string]bool{},
	}
}

// excluded says whether a path below the root is not wanted. What is below an excluded directory is not asked for at
// all.
func (d *directories) excluded(below string) bool { return below != "" && d.exclude.Matches(below) }

// full is the path a client knows.
func (d *directories) full(below string) string {
	if below == "" {
		return d.root
	}
	return strings.TrimSuffix(d.root, "/") + "/" + below
}

// scan asks for a directory and, if wanted, those below. It asks before it looks: what is made in between is found
// twice rather than never. found is called for everything below the start.
func (d *directories) scan(start string, found func(below string, isDir bool)) error {
	err := walk.Tree(context.Background(), d.full(start), start == "", &scan{d, start, found})
	if err == nil || !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) || start == "" {
		return err
	}
	return nil // gone again
}

type scan struct {
	*directories
	start string
	found func(below string, isDir bool)
}

func (s *scan) Enter(n *walk.Node) (bool, error) {
	below := s.start
	if n.Path != "" {
		below = join(s.start, n.Path)
		if s.excluded(below) {
			return false, nil
		}
		s.found(below, n.IsDir())
	}
	if !n.IsDir() || n.Path != "" && !s.recursive {
		return false, nil
	}
	return s.recursive, s.add(n, below)
}

func (s *scan) Leave(*walk.Node) error { return nil }

func join(directory, name string) string {
	if directory == "" {
		return name
	}
	return directory + "/" + name
}

// add asks for one directory, by its descriptor: its path may mean another one by now.
func (d *directories) add(n *walk.Node, below string) error {
	if len(d.paths) >= directoryLimit {
		return errTooMany
	}
	nofollow := unix.O_NOFOLLOW
	if below == "" {
		nofollow = 0
	}
	fd, err := unix.Openat(n.Dir, n.Name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC|nofollow, 0)
	if err == unix.ENOENT && below != "" {
		return nil // gone meanwhile
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	wd, err := d.inotify.add("/proc/self/fd/" + strconv.Itoa(fd))
	if errors.Is(err, unix.ENOSPC) {
		return errors.New("the machine's limit of inotify watches (fs.inotify.max_user_watches) is reached")
	}
	if err != nil {
		return err
	}
	if before, known := d.paths[wd]; known && d.wds[before] == wd {
		delete(d.wds, before)
	}
	d.paths[wd], d.wds[below] = below, wd
	return nil
}

// forget drops a directory and those below: they are not there any more, or not wanted.
func (d *directories) forget(below string) {
	for path, wd := range d.wds {
		if path == below || strings.HasPrefix(path, below+"/") {
			d.inotify.remove(wd)
			d.ignored(wd)
		}
	}
}

// ignored is told when the kernel has dropped a descriptor.
func (d *directories) ignored(wd int) {
	if path, known := d.paths[wd]; known {
		delete(d.paths, wd)
		if d.wds[path] == wd {
			delete(d.wds, path)
		}
	}
}

// move gives a directory and those below another path.
func (d *directories) move(from, to string) {
	moved := map[string]int{}
	for path, wd := range d.wds {
		if path == from || strings.HasPrefix(path, from+"/") {
			moved[to+path[len(from):]] = wd
			delete(d.wds, path)
		}
	}
	for path, wd := range moved {
		d.wds[path], d.paths[wd] = wd, path
	}
}
