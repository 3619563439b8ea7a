package disk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"bandsox.dev/agent/internal/image/fault"
)

const (
	rootInode       = 2
	firstTreeInode  = 11
	lostAndFound    = "lost+found"
	debugfsPrologue = "debugfs " // the banner line, all that a script without errors prints
)

// settle makes the filesystem equal to the image where mke2fs cannot: it gives
// the root directory its owner, mode and time, removes lost+found unless the
// image has one, and replaces the times mke2fs took from the staging tree
// (access and change) or from nowhere (creation) by the image's own time.
func settle(ctx context.Context, tree, output, script string, now time.Time) error {
	root, err := os.Lstat(tree)
	if err != nil {
		return fault.File("read", tree, err)
	}
	removeLost := false
	if _, err := os.Lstat(filepath.Join(tree, lostAndFound)); errors.Is(err, fs.ErrNotExist) {
		removeLost = true
	}
	if err := writeScript(script, output, root, removeLost, now); err != nil {
		return fault.File("write", script, err)
	}
	said, err := runTool(ctx, now, output, "debugfs", "-w", "-f", script, output)
	if err != nil {
		return err
	}
	for line := range strings.Lines(said) {
		if !strings.HasPrefix(line, debugfsPrologue) {
			return fault.New(fault.Internal, "debugfs: set attributes in %s: %s", output, strings.TrimSpace(line)).With("stderr", said)
		}
	}
	return nil
}

func writeScript(script, output string, root fs.FileInfo, removeLost bool, now time.Time) error {
	file, err := os.Create(script)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	if removeLost {
		fmt.Fprintf(w, "rmdir /%s\n", lostAndFound)
	}
	stat := root.Sys().(*syscall.Stat_t)
	setField := func(inode uint64, field string, value any) { fmt.Fprintf(w, "sif <%d> %s %v\n", inode, field, value) }
	setField(rootInode, "uid", stat.Uid)
	setField(rootInode, "gid", stat.Gid)
	setField(rootInode, "mode", fmt.Sprintf("0%o", stat.Mode))
	setField(rootInode, "mtime", fmt.Sprintf("@%d", root.ModTime().Unix()))
	filesystem, err := os.Open(output)
	if err != nil {
		return err
	}
	defer filesystem.Close()
	err = eachInode(filesystem, func(inode uint64) {
		if inode != rootInode && inode < firstTreeInode {
			return
		}
		for _, field := range []string{"atime", "ctime", "crtime"} {
			setField(inode, field, fmt.Sprintf("@%d", now.Unix()))
		}
	})
	return errors.Join(err, w.Flush())
}
