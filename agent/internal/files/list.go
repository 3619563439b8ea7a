package files

import (
	"container/heap"
	"context"
	"sort"
	"strings"

	"bandsox.dev/agent/internal/fileerr"
	"bandsox.dev/agent/internal/walk"
	"golang.org/x/sys/unix"
)

// MaxList is the largest page of a listing, and its default.
const MaxList = 1000

// Listing is a page of a directory, in byte order of the names as a client sees them.
type Listing struct {
	Entries []Entry `json:"entries"`
	More    bool    `json:"more"` // there are names after the last of these
}

// List returns the first limit entries (1 to MaxList) with names after `after`. It keeps no more than a page in memory,
// however large the directory is.
func List(ctx context.Context, name, after string, limit int) (Listing, error) {
	name, err := CheckPath(name)
	if err != nil {
		return Listing{}, err
	}
	dir, err := unix.Open(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Listing{}, fileerr.Of("list", name, err)
	}
	defer unix.Close(dir)
	names, more, err := firstNames(ctx, dir, after, limit)
	if err != nil {
		return Listing{}, fileerr.Of("list", name, err)
	}
	listing := Listing{Entries: make([]Entry, 0, len(names)), More: more}
	for _, base := range names {
		entry, err := entryAt(dir, base, joinPath(name, base), unix.AT_SYMLINK_NOFOLLOW)
		if code(err) == fileerr.NotFound {
			continue // removed since its name was read
		}
		if err != nil {
			return Listing{}, err
		}
		listing.Entries = append(listing.Entries, entry)
	}
	return listing, nil
}

// firstNames returns the limit least names after `after`, in order, and whether there are more.
func firstNames(ctx context.Context, dir int, after string, limit int) (names []string, more bool, err error) {
	least := &largestFirst{}
	err = walk.Names(dir, func(batch []string) error {
		for _, name := range batch {
			switch {
			case shown(name) <= after:
			case len(*least) < limit:
				heap.Push(least, name)
			case shown(name) < shown((*least)[0]):
				(*least)[0], more = name, true
				heap.Fix(least, 0)
			default:
				more = true
			}
		}
		return ctx.Err()
	})
	sort.Sort(sort.Reverse(least))
	return *least, more, err
}

// shown is a name as JSON shows it, which is what a client can say in `after`.
func shown(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }

// largestFirst is a heap of names.
type largestFirst []string

func (h largestFirst) Len() int           { return len(h) }
func (h largestFirst) Less(i, j int) bool { return shown(h[i]) > shown(h[j]) }
func (h largestFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *largestFirst) Push(name any)     { *h = append(*h, name.(string)) }
func (h *largestFirst) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
