package layer

import (
	"archive/tar"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	whiteoutPrefix = ".wh."
	metaPrefix     = whiteoutPrefix + whiteoutPrefix
	opaqueMarker   = metaPrefix + ".opq"
)

// whiteouts applies the deletions of one layer. They concern lower layers only,
// wherever they stand among the entries of their own.
type whiteouts struct {
	upper    map[string]struct{} // paths of this layer's entries and all their parents
	dirTimes map[string]time.Time
}

func newWhiteouts(dirTimes map[string]time.Time) *whiteouts {
	return &whiteouts{upper: map[string]struct{}{}, dirTimes: dirTimes}
}

// convert is called with each entry and the place it resolves to inside the
// root. It returns whether there is something to write.
func (w *whiteouts) convert(header *tar.Header, path string) (bool, error) {
	dir, base := filepath.Split(path)
	dir = filepath.Clean(dir)
	if base == opaqueMarker {
		w.remember(dir)
		return false, w.clear(dir)
	}
	if hidden, ok := strings.CutPrefix(base, whiteoutPrefix); ok {
		return false, w.remove(filepath.Join(dir, hidden))
	}
	w.remember(path)
	if header.Typeflag == tar.TypeDir {
		w.dirTimes[path] = header.ModTime
	}
	return true, nil
}

func (w *whiteouts) remember(path string) {
	for {
		if _, known := w.upper[path]; known {
			return
		}
		w.upper[path] = struct{}{}
		parent := filepath.Dir(path)
		if parent == path {
			return
		}
		path = parent
	}
}

// remove deletes what lower layers have at path.
func (w *whiteouts) remove(path string) error {
	if _, ours := w.upper[path]; !ours {
		return os.RemoveAll(path)
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !info.IsDir() {
		return err
	}
	return w.clear(path)
}

// clear deletes what lower layers have inside a directory.
func (w *whiteouts) clear(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := w.remove(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}
