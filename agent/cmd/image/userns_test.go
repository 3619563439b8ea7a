package main

import (
	"archive/tar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	. "bandsox.dev/agent/internal/image/imagetest"
)

// TestWithoutRootAndWithoutSubordinateIds runs as a user nobody gave a range in /etc/subuid.
func TestWithoutRootAndWithoutSubordinateIds(t *testing.T) {
	NeedRoot(t)
	const uid = 54321
	ranges, _ := os.ReadFile("/etc/subuid")
	if strings.Contains(string(ranges), "54321:") {
		t.Skip("skipped: uid 54321 has subordinate ids")
	}
	dir, copied := forAnyone(t)
	h := start(t, func(command *exec.Cmd) {
		command.Path = copied
		command.Stderr = nil
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}, "build-disk", "--store", filepath.Join(dir, "store"), "--manifest", "sha256:"+strings.Repeat("a", 64),
		"--staging", filepath.Join(dir, "staging"), "--output", filepath.Join(dir, "out"),
		"--apparent-bytes", "1073741824", "--max-content-bytes", "1000")
	last, code := h.finish(t)
	wantFailure(t, last, code, "permission_denied", exitFailed)
	if message, _ := last["message"].(string); !strings.Contains(message, "uidmap") || !strings.Contains(message, "/etc/subuid") {
		t.Errorf("the message is %q", message)
	}
}

// forAnyone is a directory anyone may use, and this program in it.
func forAnyone(t *testing.T) (dir, program string) {
	t.Helper()
	self, err := os.Executable()
	Must(t, err)
	dir, err = os.MkdirTemp("/var/tmp", "image-userns-")
	Must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	Must(t, os.Chmod(dir, 0o777))
	program = filepath.Join(dir, "helper")
	Run(t, "cp", self, program)
	return dir, program
}

// asNobody gives nobody subordinate ids, in a mount namespace of its own, and becomes it.
const asNobody = `set -e
echo nobody:100000:65536 > "$0/ids"
mount --bind "$0/ids" /etc/subuid
mount --bind "$0/ids" /etc/subgid
dir=$0; cd "$dir"
exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`

func TestOwnersSurviveWithoutRoot(t *testing.T) {
	NeedRoot(t) // to become somebody else
	NeedTool(t, "newuidmap")
	NeedTool(t, "setpriv")
	NeedTool(t, "unshare")
	debugfs := NeedTool(t, "debugfs")
	if output, err := exec.Command("unshare", "--mount", "mount", "--bind", "/etc/passwd", "/etc/passwd").CombinedOutput(); err != nil {
		t.Skipf("skipped: cannot bind mount in a namespace: %s", output)
	}
	capability := "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	image := NewImage(t, nil, GzipLayer(t, File("mine", "x").Owned(1000, 1001).WithMode(0o4755),
		File("ping", "x").WithXattr("security.capability", capability), Device("null", tar.TypeChar, 1, 3)))
	build := func(t *testing.T, image Image) (map[string]any, int, string) {
		dir, copied := forAnyone(t)
		image.WriteLayout(t, filepath.Join(dir, "store"), "v1")
		Run(t, "chown", "-R", "65534:65534", filepath.Join(dir, "store"))
		last, code := start(t, func(command *exec.Cmd) {
			command.Path = Run(t, "sh", "-c", "printf %s \"$(command -v unshare)\"")
			command.Args = append([]string{"unshare", "--mount", "sh", "-c", asNobody, dir, copied}, command.Args[1:]...)
		}, "build-disk", "--stdin-lifeline", "--store", "store", "--manifest", image.Manifest.Digest.String(),
			"--staging", "staging", "--output", "base.ext4", "--apparent-bytes", "1073741824", "--max-content-bytes", "1000").finish(t)
		return last, code, filepath.Join(dir, "base.ext4")
	}
	last, code, output := build(t, image)
	if last["type"] != "disk" || last["skippedDevices"] != 1.0 || code != 0 {
		t.Fatalf("exit code %d, last event %v", code, last)
	}
	mine := strings.Join(strings.Fields(Run(t, debugfs, "-R", "stat /mine", output)), " ")
	if !strings.Contains(mine, "Mode: 04755") || !strings.Contains(mine, "User: 1000 Group: 1001") {
		t.Errorf("/mine is %s", mine)
	}
	if ping := Run(t, debugfs, "-R", "ea_list /ping", output); !strings.Contains(ping, "security.capability (20)") {
		t.Errorf("/ping has %s", ping)
	}
	last, code, _ = build(t, NewImage(t, nil, GzipLayer(t, File("far", "x").Owned(3_000_000, 0))))
	wantFailure(t, last, code, "permission_denied", exitFailed)
}
