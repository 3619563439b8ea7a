package layer

import (
	"archive/tar"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"bandsox.dev/agent/internal/image/fault"
)

const (
	paxXattrPrefix  = "SCHILY.xattr."
	fileCapability  = "security.capability"
	userXattrPrefix = "user."
)

// checkXattrs leaves out the attributes that no image may set or that cannot be
// set here, and refuses those the filesystem would silently lose.
func (t *Tree) checkXattrs(header *tar.Header) error {
	for key, value := range header.PAXRecords {
		name, isXattr := strings.CutPrefix(key, paxXattrPrefix)
		if !isXattr {
			continue
		}
		onlyHostRoot := strings.HasPrefix(name, "security.") && name != fileCapability && !t.mayMake
		if strings.HasPrefix(name, "trusted.") || onlyHostRoot {
			delete(header.PAXRecords, key)
			continue
		}
		matters := name == fileCapability || strings.HasPrefix(name, userXattrPrefix)
		if matters && header.Typeflag == tar.TypeReg && !t.stores(name, value) {
			return fault.New(fault.ImageUnsupported, "unpack %s: the filesystem of %s does not store its attribute %s",
				header.Name, t.Root, name)
		}
	}
	return nil
}

// stores reports whether the filesystem of the root keeps an attribute; it tries
// each kind once, on a file beside the root.
func (t *Tree) stores(name, value string) bool {
	kind, _, _ := strings.Cut(name, ".")
	if answer, known := t.stored[kind]; known {
		return answer
	}
	file, err := os.CreateTemp(filepath.Dir(t.Root), "xattr-*.tmp")
	if err != nil {
		return true // applying the entry will tell what is wrong
	}
	defer os.Remove(file.Name())
	defer file.Close()
	err = unix.Fsetxattr(int(file.Fd()), name, []byte(value), 0)
	t.stored[kind] = !errors.Is(err, unix.ENOTSUP)
	return t.stored[kind]
}
