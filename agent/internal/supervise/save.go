package supervise

import (
	"errors"
	"os"

	"bandsox.dev/agent/internal/vmmemory"
)

// saveRequest says where the parts of a saved machine go: absolute paths of files that do not exist yet.
type saveRequest struct {
	// Memory receives the guest's memory, sparse
	Memory string `json:"memory"`
	// State receives the devices' and processors' state
	State string `json:"state"`
	// Layer receives a copy of the layer disk, if not empty
	Layer string `json:"layer"`
	// LayerSource is the disk to copy
	LayerSource string `json:"layerSource"`
}

// copyLayer copies the layer disk, if that is wanted. The guest must not run.
func (r saveRequest) copyLayer() error {
	if r.Layer == "" {
		return nil
	}
	return copyFile(r.Layer, r.LayerSource)
}

func (r saveRequest) validate() error {
	if r.Memory == "" || r.State == "" {
		return errors.New("memory and state must be named")
	}
	return nil
}

func copyFile(destination, source string) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(destination, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(vmmemory.CopySparse(to, from), to.Close())
}
