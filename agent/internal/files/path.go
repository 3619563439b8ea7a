// Package files works on single files and directories of the machine, as its root user (PROTOCOL.md §7). Paths are
// absolute and resolved by the kernel; every error is a *fileerr.Error.
package files

import (
	"crypto/rand"
	"strings"

	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

const (
	// maxPath is the largest path in bytes; the kernel's PATH_MAX counts the zero at the end.
	maxPath = unix.PathMax - 1
	// maxLinks is how many links in a row are followed, as the kernel does.
	maxLinks = 40
	// tempPrefix starts the name of everything that is not finished yet.
	tempPrefix = ".bsx-upload-"
	// permissions are the twelve bits of a mode.
	permissions = 0o7777
)

// CheckPath refuses what no path can be. Slashes at the end mean nothing and are cut off.
func CheckPath(name string) (string, error) {
	switch {
	case !strings.HasPrefix(name, "/"):
		return "", fileerr.New(fileerr.PathInvalid, "use", name, "the path is not absolute")
	case strings.IndexByte(name, 0) >= 0:
		return "", fileerr.New(fileerr.PathInvalid, "use", strings.ReplaceAll(name, "\x00", "\\0"), "the path has a zero byte in it")
	case len(name) > maxPath:
		return "", fileerr.New(fileerr.PathInvalid, "use", name[:64]+"…", "the path has %d bytes, at most %d can be used", len(name), maxPath)
	}
	if trimmed := strings.TrimRight(name, "/"); trimmed != "" {
		return trimmed, nil
	}
	return "/", nil
}

// checkPaths is CheckPath for several.
func checkPaths(names ...*string) error {
	for _, name := range names {
		checked, err := CheckPath(*name)
		if err != nil {
			return err
		}
		*name = checked
	}
	return nil
}

// split parts a checked path into the directory and the name in it. A path that names no entry of a directory, as `/`
// and `/a/..`, is refused.
func split(doing, name string) (directory, base string, err error) {
	slash := strings.LastIndexByte(name, '/')
	directory, base = name[:slash], name[slash+1:]
	if directory == "" {
		directory = "/"
	}
	if base == "" || base == "." || base == ".." {
		return "", "", fileerr.New(fileerr.IsDirectory, doing, name, "it can only be a directory")
	}
	return directory, base, nil
}

// openParent opens the directory that holds a checked path, to name things in.
func openParent(doing, name string) (dir int, base string, err error) {
	directory, base, err := split(doing, name)
	if err != nil {
		return -1, "", err
	}
	dir, err = unix.Open(directory, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return dir, base, fileerr.Of(doing, name, err)
}

// followLinks returns where a write to a checked path ends up: itself, or what the links at its end point to, which
// need not exist.
func followLinks(doing, name string) (string, error) {
	start, buffer := name, make([]byte, unix.PathMax)
	for range maxLinks {
		n, err := unix.Readlink(name, buffer)
		if err == unix.EINVAL || err == unix.ENOENT {
			return name, nil // not a link; or nothing yet, and creating it will tell if even the directory is missing
		}
		if err != nil {
			return "", fileerr.Of(doing, start, err)
		}
		target := string(buffer[:n])
		if !strings.HasPrefix(target, "/") {
			// Not cleaned: the kernel resolves `..` after links, not before.
			target = name[:strings.LastIndexByte(name, '/')+1] + target
		}
		if name, err = CheckPath(target); err != nil {
			return "", err
		}
	}
	return "", fileerr.Of(doing, start, unix.ELOOP)
}

// joinPath does not clean: the kernel resolves `..` after links.
func joinPath(directory, name string) string {
	if strings.HasSuffix(directory, "/") {
		return directory + name
	}
	return directory + "/" + name
}

// tempName is a name nobody uses.
func tempName() string { return tempPrefix + rand.Text() }
