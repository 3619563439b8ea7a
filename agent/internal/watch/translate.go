package watch

import "golang.org/x/sys/unix"

// scannedLimit is how many names found by scans are remembered; of more, some may be told twice.
const scannedLimit = 65536

// translator makes events of the kernel's notices.
type translator struct {
	*directories
	only string // the one name that is wanted, if the watch is of a file
	emit func(Event)
}

// take handles notices that were read together. The halves of a rename follow each other; a first half
// without a second is a removal.
func (t *translator) take(notices []notice) {
	for i := 0; i < len(notices); i++ {
		n := notices[i]
		if n.is(unix.IN_MOVED_FROM) && i+1 < len(notices) && notices[i+1].is(unix.IN_MOVED_TO) && notices[i+1].cookie == n.cookie {
			i++
			t.renamed(n, notices[i])
			continue
		}
		t.one(n)
	}
}

func (t *translator) one(n notice) {
	if n.is(unix.IN_Q_OVERFLOW) {
		t.rescan()
		return
	}
	directory, known := t.paths[n.wd]
	if n.is(unix.IN_IGNORED) {
		t.ignored(n.wd)
	}
	if !known {
		return
	}
	if n.name == "" {
		t.self(directory, n)
		return
	}
	below := join(directory, n.name)
	if !t.wanted(below) {
		return
	}
	isDir := n.is(unix.IN_ISDIR)
	switch {
	case n.is(unix.IN_CREATE) && t.scanned[below]:
		delete(t.scanned, below) // a scan has told it
	case n.is(unix.IN_CREATE | unix.IN_MOVED_TO):
		t.tell(Created, below, isDir)
		if isDir {
			t.scanNew(below)
		}
	case n.is(unix.IN_DELETE | unix.IN_MOVED_FROM):
		t.gone(below, isDir)
	case n.is(unix.IN_MODIFY):
		t.tell(Modified, below, isDir)
	case n.is(unix.IN_ATTRIB):
		t.tell(Attributes, below, isDir)
	}
}

// self is about a watched directory as such. All but the root are told of by the directory above.
func (t *translator) self(directory string, n notice) {
	if directory != "" || t.only != "" {
		return
	}
	switch {
	case n.is(unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_UNMOUNT):
		t.tell(Removed, "", true)
	case n.is(unix.IN_ATTRIB):
		t.tell(Attributes, "", true)
	}
}

func (t *translator) wanted(below string) bool {
	if t.only != "" {
		return below == t.only
	}
	return !t.excluded(below)
}

func (t *translator) tell(kind, below string, isDir bool) {
	t.emit(Event{Type: kind, Path: t.full(below), Directory: isDir})
}

// scanNew asks for a directory that has appeared and tells what is in it already.
func (t *translator) scanNew(below string) {
	if !t.recursive {
		return
	}
	err := t.scan(below, func(found string, isDir bool) {
		if len(t.scanned) < scannedLimit {
			t.scanned[found] = true
		}
		t.tell(Created, found, isDir)
	})
	if err != nil { // not all of it is watched
		t.emit(Event{Type: Overflow})
	}
}

func (t *translator) gone(below string, isDir bool) {
	delete(t.scanned, below)
	if isDir {
		t.forget(below)
	}
	t.tell(Removed, below, isDir)
}

func (t *translator) renamed(n, second notice) {
	fromDir, knownFrom := t.paths[n.wd]
	toDir, knownTo := t.paths[second.wd]
	from, to := join(fromDir, n.name), join(toDir, second.name)
	knownFrom, knownTo = knownFrom && t.wanted(from), knownTo && t.wanted(to)
	if !knownFrom || !knownTo {
		t.one(n)
		t.one(second)
		return
	}
	isDir := n.is(unix.IN_ISDIR)
	delete(t.scanned, from)
	delete(t.scanned, to)
	t.emit(Event{Type: Renamed, Path: t.full(to), From: t.full(from), Directory: isDir})
	if !isDir {
		return
	}
	t.forget(to) // an empty directory that was replaced
	t.move(from, to)
	if _, watched := t.wds[to]; !watched {
		t.scanNew(to)
	}
}

// rescan finds the directories that were missed when the kernel's queue was full.
func (t *translator) rescan() {
	before := t.paths
	t.paths, t.wds, t.scanned = map[int]string{}, map[string]int{}, map[string]bool{}
	// What cannot be watched is lost as well, and the overflow says so.
	_ = t.scan("", func(string, bool) {})
	for wd := range before {
		if _, still := t.paths[wd]; !still {
			t.inotify.remove(wd)
		}
	}
	t.emit(Event{Type: Overflow})
}
