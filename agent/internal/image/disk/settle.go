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

// settling says what is still to be done to a filesystem that was filled from a tree.
type settling struct {
	tree, output string
	// script is a file to make
	script string
	now    time.Time
	// uuid is the filesystem's, "" where it has it already
	uuid string
	// inodeTimes gives all inodes the time `now`, but for that of modification
	inodeTimes bool
}

// settle makes the filesystem equal to the image where what filled it cannot: it
// gives the root directory its owner, mode and time, removes lost+found unless
// the image has one, and replaces the times mke2fs took from the staging tree
// (access and change) or from nowhere (creation) by the image's own time.
func settle(ctx context.Context, job settling) error {
	if err := writeScript(job); err != nil {
		return fault.File("write", job.script, err)
	}
	said, err := runTool(ctx, job.now, job.output, "debugfs", "-w", "-f", job.script, job.output)
	if err != nil {
		return err
	}
	for line := range strings.Lines(said) {
		if !strings.HasPrefix(line, debugfsPrologue) {
			return fault.New(fault.Internal, "debugfs: set attributes in %s: %s", job.output, strings.TrimSpace(line)).With("stderr", said)
		}
	}
	return nil
}

func writeScript(job settling) error {
	root, err := os.Lstat(job.tree)
	if err != nil {
		return err
	}
	file, err := os.Create(job.script)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	if job.uuid != "" {
		// A mark taken away and set again makes debugfs write the inode bitmaps as e2fsck wants them.
		fmt.Fprintf(w, "ssv uuid %s\nfreei <%d>\nseti <%d>\n", job.uuid, firstTreeInode, firstTreeInode)
	}
	if _, err := os.Lstat(filepath.Join(job.tree, lostAndFound)); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(w, "rmdir /%s\n", lostAndFound)
	}
	stat := root.Sys().(*syscall.Stat_t)
	setField := func(inode uint64, field string, value any) { fmt.Fprintf(w, "sif <%d> %s %v\n", inode, field, value) }
	setField(rootInode, "uid", stat.Uid)
	setField(rootInode, "gid", stat.Gid)
	setField(rootInode, "mode", fmt.Sprintf("0%o", stat.Mode))
	setField(rootInode, "mtime", fmt.Sprintf("@%d", root.ModTime().Unix()))
	setTimes := func(inode uint64) {
		if inode != rootInode && inode < firstTreeInode {
			return
		}
		for _, field := range []string{"atime", "ctime", "crtime"} {
			setField(inode, field, fmt.Sprintf("@%d", job.now.Unix()))
		}
	}
	if job.inodeTimes {
		err = eachInodeOf(job.output, setTimes)
	} else {
		setTimes(rootInode)
	}
	return errors.Join(err, w.Flush())
}

func eachInodeOf(path string, visit func(inode uint64)) error {
	filesystem, err := os.Open(path)
	if err != nil {
		return err
	}
	defer filesystem.Close()
	return eachInode(filesystem, visit)
}
