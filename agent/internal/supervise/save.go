package supervise

import (
	"errors"
	"fmt"
	"os"

	"bandsox.dev/agent/internal/qmp"
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

// saver knows the VMM whose machine is saved.
type saver struct {
	pid int
	// The file the guest's memory is a private mapping of; held open, because its name may go
	memory *os.File
}

// saving is a save that has begun: the mapped file has been copied, the guest still runs.
type saving struct {
	saver
	request saveRequest
	memory  *os.File
}

func (s saver) begin(request saveRequest) (*saving, error) {
	if request.Memory == "" || request.State == "" {
		return nil, errors.New("memory and state must be named")
	}
	memory, err := os.OpenFile(request.Memory, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := vmmemory.CopySparse(memory, s.memory); err != nil {
		return nil, errors.Join(err, memory.Close())
	}
	return &saving{s, request, memory}, nil
}

// finish writes what must be of one moment. The guest is stopped, and so its disks are written.
func (s *saving) finish(monitor *qmp.Client) (int64, error) {
	// "xen" in name only: it writes every device but the memory to a file. Without `live` it leaves the disks open.
	state := map[string]any{"filename": s.request.State, "live": false}
	if err := monitor.Execute("xen-save-devices-state", state, nil); err != nil {
		return 0, err
	}
	mapping, err := vmmemory.FindMapping(s.pid, s.saver.memory)
	if err != nil {
		return 0, err
	}
	written, err := vmmemory.WriteOwnPages(mapping, s.memory)
	if err != nil {
		return written, fmt.Errorf("save the guest's memory: %w", err)
	}
	if s.request.Layer == "" {
		return written, nil
	}
	return written, copyFile(s.request.Layer, s.request.LayerSource)
}

func (s *saving) close() { s.memory.Close() }

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
