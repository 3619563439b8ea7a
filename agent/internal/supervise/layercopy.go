package supervise

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"bandsox.dev/agent/internal/vmmemory"
)

// LayerConfig is how the VM's layer disk is made.
type LayerConfig struct {
	// Source is the absolute path of the disk it becomes a copy of
	Source string `json:"source"`
	Path   string `json:"path"`
}

func (l *LayerConfig) validate() error {
	if l != nil && (l.Source == "" || l.Path == "") {
		return errors.New("layer needs a source and a path")
	}
	return nil
}

// make makes it; a nil layer is there already. A file that has the path keeps its identity: a jail may have a name of it.
func (l *LayerConfig) make() error {
	if l == nil {
		return nil
	}
	if err := overwrite(l.Path, l.Source); err != nil {
		return &layerError{err}
	}
	return nil
}

// layerError is why there is no layer disk.
type layerError struct{ cause error }

func (e *layerError) Error() string { return fmt.Sprintf("make the layer disk: %v", e.cause) }
func (e *layerError) Unwrap() error { return e.cause }

func overwrite(path, source string) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(vmmemory.CopySparse(to, from), to.Close())
}
