package imagetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Describe maps each path of a tree, `.` included, to what there is to say
// about it: kind, mode, owner, content, time, links and attributes.
func Describe(t testing.TB, root string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	firstName := map[uint64]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		text := fmt.Sprintf("%s %d:%d %d", info.Mode(), stat.Uid, stat.Gid, info.ModTime().Unix())
		if !entry.IsDir() && stat.Nlink > 1 {
			if first, ok := firstName[stat.Ino]; ok {
				tree[name] = text + " link of " + first
				return nil
			}
			firstName[stat.Ino] = name
		}
		tree[name] = text + describeContent(t, path, info, stat) + describeXattrs(t, path)
		return nil
	})
	Must(t, err)
	return tree
}

func describeContent(t testing.TB, path string, info fs.FileInfo, stat *syscall.Stat_t) string {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		Must(t, err)
		return " -> " + target
	case info.Mode()&fs.ModeDevice != 0:
		return fmt.Sprintf(" device %d:%d", unix.Major(stat.Rdev), unix.Minor(stat.Rdev))
	case info.Mode().IsRegular():
		content, err := os.ReadFile(path)
		Must(t, err)
		if len(content) > 64 {
			return fmt.Sprintf(" %d bytes %x", len(content), sha256.Sum256(content))
		}
		return fmt.Sprintf(" %q", content)
	}
	return ""
}

func describeXattrs(t testing.TB, path string) string {
	buffer := make([]byte, 4096)
	n, err := unix.Llistxattr(path, buffer)
	if errors.Is(err, unix.ENOTSUP) || n == 0 && err == nil {
		return ""
	}
	Must(t, err)
	keys := strings.Split(strings.TrimSuffix(string(buffer[:n]), "\x00"), "\x00")
	slices.Sort(keys)
	text := ""
	for _, key := range keys {
		value := make([]byte, 4096)
		size, err := unix.Lgetxattr(path, key, value)
		Must(t, err)
		text += fmt.Sprintf(" %s=%q", key, value[:size])
	}
	return text
}

// Names are the paths of a tree in order, without the root.
func Names(t testing.TB, root string) []string {
	t.Helper()
	names := []string{}
	for name := range Describe(t, root) {
		if name != "." {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// NeedRoot skips a test that cannot pass without uid 0.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("skipped: needs root to set owners")
	}
}

// NeedTool skips a test when a program is not installed, and returns its path.
func NeedTool(t testing.TB, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Skipf("skipped: %s is not installed", name)
	return ""
}

// Run runs a program, which must succeed, and returns its standard output.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	var stderr strings.Builder
	command := exec.Command(name, args...)
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, stderr.String())
	}
	return string(output)
}
