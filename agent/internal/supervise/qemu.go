package supervise

import (
	"errors"
	"fmt"
	"os"

	"bandsox.dev/agent/internal/qmp"
	"bandsox.dev/agent/internal/vmmemory"
)

// qemu is a machine of QEMU's, reached through its monitor.
type qemu struct {
	monitor *qmp.Client
	pid     int
	// The file the guest's memory is a private mapping of; held open, because its name may go
	memory *os.File
}

func openQemu(config Config, monitor *qmp.Client, pid int) (*qemu, error) {
	memory, err := os.Open(config.MemoryFile)
	if err != nil {
		return nil, err
	}
	if config.Fallback != nil {
		go isStanding(monitor) // QEMU tells of its port only to who has spoken to it
	}
	return &qemu{monitor, pid, memory}, nil
}

func (q *qemu) pause() error { return q.monitor.Execute("stop", nil, nil) }

func (q *qemu) resume() (string, error) { return "", q.monitor.Execute("cont", nil, nil) }

// status is QEMU's word for what the guest does: `running`, `paused`, `inmigrate`, ...
func (q *qemu) status() (string, error) {
	var state struct{ Status string }
	err := q.monitor.Execute("query-status", nil, &state)
	return state.Status, err
}

// isStanding tells whether the guest's processors stand still, or nobody can tell. It also lets QEMU tell of events, from the first call on.
func isStanding(monitor *qmp.Client) bool {
	var state struct{ Status string }
	return monitor.Execute("query-status", nil, &state) != nil || state.Status != statusRunning
}

func (q *qemu) measure() (*measures, error) { return nil, nil }

func (q *qemu) reclaim(int64) error {
	return errors.New("QEMU's machines have no balloon: their memory cannot be taken back")
}

func (q *qemu) close() {
	q.monitor.Close()
	q.memory.Close()
}

// qemuSaving has copied the mapped file.
type qemuSaving struct {
	*qemu
	request saveRequest
	copy    *os.File
}

func (q *qemu) begin(request saveRequest) (saving, error) {
	if err := request.validate(); err != nil {
		return nil, err
	}
	copy, err := os.OpenFile(request.Memory, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := vmmemory.CopySparse(copy, q.memory); err != nil {
		return nil, errors.Join(err, copy.Close())
	}
	return &qemuSaving{q, request, copy}, nil
}

func (s *qemuSaving) finish() (int64, error) {
	// "xen" in name only: it writes every device but the memory to a file. Without `live` it leaves the disks open.
	state := map[string]any{"filename": s.request.State, "live": false}
	if err := s.monitor.Execute("xen-save-devices-state", state, nil); err != nil {
		return 0, err
	}
	mapping, err := vmmemory.FindMapping(s.pid, s.memory)
	if err != nil {
		return 0, err
	}
	written, err := vmmemory.WriteOwnPages(mapping, s.copy)
	if err != nil {
		return written, fmt.Errorf("save the guest's memory: %w", err)
	}
	return written, s.request.copyLayer()
}

func (s *qemuSaving) settle() error { return nil }

func (s *qemuSaving) close() { s.copy.Close() }
