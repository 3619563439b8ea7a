package machine

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"
)

// Identity is what a machine has to be told after it stood still: the time; and, where it goes on from a save that
// others go on from as well, who it is.
type Identity struct {
	EpochMs int64  `json:"epochMs"`
	Entropy []byte `json:"entropy"`
	// Clone is given to a machine that is not the one that was saved
	Clone *Clone `json:"clone"`
}

// Clone makes a machine another than the one it was.
type Clone struct {
	Hostname  string            `json:"hostname"`
	Env       map[string]string `json:"env"`
	RestoreID string            `json:"restoreId"`
}

// ErrBare refuses a Refresh before Enter.
var ErrBare = errors.New("the machine has no disks yet")

// restoreIDFile tells programs in the guest that their machine is another now.
const restoreIDFile = "/run/bandsox-restore-id"

// Refresh tells a machine what has changed while it stood still. Nothing in it is stopped.
func (m *Machine) Refresh(identity Identity) error {
	received := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ready {
		return ErrBare
	}
	if err := addEntropy(identity.Entropy); err != nil {
		return err
	}
	if err := setClock(identity.EpochMs, received); err != nil {
		return err
	}
	clone := identity.Clone
	if clone == nil {
		return nil
	}
	if err := setHostname(clone.Hostname, m.defaults.Hostname, m.log); err != nil {
		return err
	}
	if err := renewMachineID("/etc/machine-id"); err != nil {
		m.log.Printf("not renewed: %v", err)
	}
	if err := writePlain(restoreIDFile, clone.RestoreID+"\n"); err != nil {
		m.log.Printf("not written: %v", err)
	}
	m.defaults.Hostname, m.defaults.Env = clone.Hostname, clone.Env
	return nil
}

// renewMachineID gives the machine another id if it has one; an image without any is not given one.
func renewMachineID(path string) error {
	present, err := readPlain(path)
	if err != nil || present == "" {
		return err
	}
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // a random UUID, as machine-id(5) has it
	// The file is read-only in many images; that is for their processes, not for us.
	if info, err := os.Lstat(path); err == nil && info.Mode().Perm()&0o200 == 0 {
		if err := os.Chmod(path, info.Mode().Perm()|0o200); err != nil {
			return err
		}
		defer os.Chmod(path, info.Mode().Perm())
	}
	return writePlain(path, hex.EncodeToString(id)+"\n")
}

// Validate says what is wrong with an identity before anything is done.
func (i Identity) Validate() error {
	switch {
	case i.EpochMs <= 0:
		return errors.New("epochMs is required")
	case len(i.Entropy) > 4096:
		return fmt.Errorf("entropy has %d bytes, at most 4096 are taken", len(i.Entropy))
	case i.Clone == nil:
		return nil
	case i.Clone.Hostname == "" || len(i.Clone.Hostname) > 64:
		return fmt.Errorf("hostname must have 1 to 64 bytes, it has %d", len(i.Clone.Hostname))
	case i.Clone.RestoreID == "" || len(i.Clone.RestoreID) > 64:
		return fmt.Errorf("restoreId must have 1 to 64 bytes, it has %d", len(i.Clone.RestoreID))
	}
	return nil
}
