package boot

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// PortModules is what a distribution's kernel needs for the virtio-serial port.
var PortModules = []string{"virtio_ring.ko", "virtio.ko", "virtio_mmio.ko", "virtio_console.ko"}

// Modules are kernel modules that are still to be loaded, in the order they need each other in.
type Modules struct {
	directory string
	names     []string
}

// FindModules reads the order of the modules in a directory; a kernel that has everything built in has no such file.
func FindModules(directory string) (*Modules, error) {
	order, err := os.ReadFile(filepath.Join(directory, "order"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	m := &Modules{directory: directory}
	for _, line := range strings.Split(string(order), "\n") {
		name := strings.TrimSpace(line)
		if name != "" && !strings.HasPrefix(name, "#") {
			m.names = append(m.names, name)
		}
	}
	return m, nil
}

// LoadFirst loads those of the modules that are named. One that cannot be loaded yet, as it needs another, is left to
// LoadRest.
func (m *Modules) LoadFirst(names []string) {
	m.names = slices.DeleteFunc(m.names, func(name string) bool {
		return slices.Contains(names, name) && m.load(name) == nil
	})
}

// LoadRest loads all that are left. One that cannot be loaded is reported and skipped: what depends on it fails later,
// by name.
func (m *Modules) LoadRest(console *Console) {
	for _, name := range m.names {
		if err := m.load(name); err != nil {
			console.Printf("module %s: %v", name, err)
		}
	}
	m.names = nil
}

func (m *Modules) load(name string) error {
	file, err := os.ReadFile(filepath.Join(m.directory, name))
	if err != nil {
		return err
	}
	unsigned := withoutSignature(file)
	err = insert(unsigned)
	if wantsSignature(err) && len(unsigned) < len(file) {
		err = insert(file)
	}
	return err
}

// wantsSignature tells a kernel that takes signed modules only: one that enforces it, or is locked down.
func wantsSignature(err error) bool {
	return err == unix.EKEYREJECTED || err == unix.ENOKEY || err == unix.EPERM
}

// insert gives the kernel a module; it may have it already.
func insert(module []byte) error {
	if err := unix.InitModule(module, ""); err != nil && err != unix.EEXIST {
		return err
	}
	return nil
}
