// Package machine turns a booted kernel into the machine a user asked for: its disks, its root, its identity; and ends
// it again.
package machine

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"bandsox.dev/agent/internal/exec"
)

// Spec is what the host wants the machine to be.
type Spec struct {
	Hostname    string            `json:"hostname"`
	Env         map[string]string `json:"env"`
	WorkingDir  string            `json:"workingDir"`
	User        string            `json:"user"`
	EpochMs     int64             `json:"epochMs"`
	Entropy     []byte            `json:"entropy"`
	BaseDevice  string            `json:"baseDevice"`
	LayerDevice string            `json:"layerDevice"`
	Network     *Network          `json:"network"` // nil: loopback only
}

// ErrReady refuses a second Enter.
var ErrReady = errors.New("the machine has its disks and identity already")

// Log takes what went wrong without making the machine unusable.
type Log interface {
	Printf(format string, args ...any)
}

// Machine is bare until Enter has succeeded.
type Machine struct {
	log     Log
	prepare func()

	mu       sync.RWMutex
	ready    bool
	entered  bool // the old root is gone: no second attempt
	defaults exec.Defaults
	layer    *os.File // the layer's file system, to finish its writes at the end
}

// New is a bare machine. Its kernel has all that a machine takes once prepare has returned, which does it once and may be
// called by several.
func New(prepare func(), log Log) *Machine { return &Machine{prepare: prepare, log: log} }

// Defaults is what commands inherit; ok is false while the machine is bare.
func (m *Machine) Defaults() (defaults exec.Defaults, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.defaults, m.ready
}

// Enter mounts the disks, makes them the root and gives the machine its identity. It returns how long that took. It
// may be tried again after a failure to mount, because then nothing has changed.
func (m *Machine) Enter(spec Spec) (time.Duration, error) {
	start := time.Now()
	m.prepare()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entered {
		return 0, ErrReady
	}
	// Randomness and time come first: the file systems use both.
	if err := addEntropy(spec.Entropy); err != nil {
		return 0, err
	}
	if err := setClock(spec.EpochMs, start); err != nil {
		return 0, err
	}
	layer, err := mountDisks(spec.BaseDevice, spec.LayerDevice)
	if err != nil {
		return 0, err
	}
	m.layer, m.entered = layer, true
	if err := switchRoot(); err != nil {
		return 0, err
	}
	if err := furnishRoot(m.log); err != nil {
		return 0, err
	}
	if err := setHostname(spec.Hostname, "", m.log); err != nil {
		return 0, err
	}
	if spec.Network != nil {
		if err := spec.Network.connect(); err != nil {
			return 0, err
		}
		spec.Network.resolvConf(m.log)
	}
	m.defaults = exec.Defaults{
		Hostname: spec.Hostname, Env: spec.Env, WorkingDir: spec.WorkingDir, User: spec.User,
	}
	m.ready = true
	return time.Since(start), nil
}

// Settle finishes what would go on in the background: the kernel's preparation, the layer's writes if there is one, and the
// collection of this process's garbage. A machine that is to be saved for others to go on from leaves none of it to them.
func (m *Machine) Settle() error {
	m.prepare()
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.layer != nil {
		if err := unix.Syncfs(int(m.layer.Fd())); err != nil {
			return fmt.Errorf("finish the layer's writes: %w", err)
		}
	}
	runtime.GC()
	return nil
}

// Validate says what is wrong with a spec before anything is done.
func (s Spec) Validate() error {
	switch {
	case s.Hostname == "" || len(s.Hostname) > 64:
		return fmt.Errorf("hostname must have 1 to 64 bytes, it has %d", len(s.Hostname))
	case s.BaseDevice == "" || s.LayerDevice == "":
		return errors.New("baseDevice and layerDevice are required")
	case s.EpochMs <= 0:
		return errors.New("epochMs is required")
	case len(s.Entropy) > 4096:
		return fmt.Errorf("entropy has %d bytes, at most 4096 are taken", len(s.Entropy))
	}
	return s.Network.validate()
}
