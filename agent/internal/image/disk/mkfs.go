package disk

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/fault"
)

// features of the filesystem, all known to Linux 4.14 and Firecracker's guest
// kernels. There is no journal: the disk is only ever mounted read-only.
const features = "none,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super," +
	"large_file,huge_file,dir_nlink,extra_isize,metadata_csum"

const maxQuotedOutput = 2000

// makeFilesystem fills output, an empty file, with an ext4 made of a tree.
// Everything that varies between two runs is stated: the configuration of the
// host is ignored, identifiers come from the manifest, the clock from the image.
func makeFilesystem(ctx context.Context, tree, output string, shape geometry, manifest v1.Hash, now time.Time) error {
	filesystem, hashSeed := identity(manifest)
	said, err := runTool(ctx, now, output, "mke2fs", "-q", "-F",
		"-b", strconv.Itoa(blockBytes), "-I", strconv.Itoa(inodeBytes), "-N", strconv.FormatInt(shape.inodes, 10),
		"-m", "0", "-O", features, "-U", filesystem,
		"-E", fmt.Sprintf("hash_seed=%s,lazy_itable_init=0,root_owner=0:0", hashSeed),
		"-d", tree, output, strconv.FormatInt(shape.blocks, 10))
	if err != nil && strings.Contains(said, "extended attribute") {
		return fault.New(fault.ImageUnsupported, "mke2fs: the attributes of a file do not fit: %s", strings.TrimSpace(said))
	}
	return err
}

// runTool runs a program of e2fsprogs on the filesystem in output and returns what it printed on standard error.
func runTool(ctx context.Context, now time.Time, output, tool string, args ...string) (string, error) {
	path, err := findTool(tool)
	if err != nil {
		return "", err
	}
	var printed strings.Builder
	command := exec.CommandContext(ctx, path, args...)
	command.Stderr = &printed
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	clock := strconv.FormatInt(now.Unix(), 10)
	command.Env = []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "TZ=UTC", "MKE2FS_CONFIG=/dev/null",
		"E2FSPROGS_FAKE_TIME=" + clock, "SOURCE_DATE_EPOCH=" + clock,
	}
	runtime.LockOSThread() // the kernel sends Pdeathsig when the thread that started the program ends
	err = command.Run()
	runtime.UnlockOSThread()
	said := printed.String()
	if len(said) > maxQuotedOutput {
		said = said[len(said)-maxQuotedOutput:]
	}
	switch {
	case err == nil:
		return said, nil
	case ctx.Err() != nil:
		return said, ctx.Err()
	case strings.Contains(said, "No space left on device"):
		return said, fault.New(fault.DiskFull, "%s: write %s: no space left on device", tool, output).With("path", output)
	}
	return said, fault.New(fault.Internal, "%s: %w: %s", tool, err, strings.TrimSpace(said)).With("stderr", said)
}

// findTool also looks where distributions keep programs for root.
func findTool(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fault.New(fault.Internal, "find %s: it is neither in PATH nor in /usr/sbin; install e2fsprogs", name).
		With("tool", name)
}
