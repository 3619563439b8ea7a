package exec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheEnvironmentIsMergedFromImageMachineAndCommand(t *testing.T) {
	command := shell("env | sort")
	command.Env = map[string]string{"FROM_EXEC": "2"}
	got := run(t, command).stdout.String()
	for _, line := range []string{"FROM_VM=1\n", "FROM_EXEC=2\n", "HOSTNAME=box\n", "PATH=" + defaultPath + "\n", "HOME=/root\n"} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is missing in %q", line, got)
		}
	}
	if strings.Contains(got, "USER=") {
		t.Errorf("USER is set: %q", got)
	}
}

func TestPathAndRelativeProgramsAreTheCommandsOwn(t *testing.T) {
	directory := t.TempDir()
	script := filepath.Join(directory, "tool")
	os.WriteFile(script, []byte("#!/bin/sh\necho found\n"), 0o755)
	byPath := Command{Argv: []string{"tool"}, Env: map[string]string{"PATH": "/nowhere:" + directory}}
	relative := Command{Argv: []string{"./tool"}, Cwd: directory}
	for _, command := range []Command{byPath, relative} {
		if got := run(t, command).stdout.String(); got != "found\n" {
			t.Errorf("%v: got %q", command.Argv, got)
		}
	}
}

func TestOnlyTheImagesWorkingDirectoryIsCreated(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "a/b")
	if _, err := workingDir(directory, "/"); err == nil {
		t.Error("a missing directory was accepted")
	}
	if got, err := workingDir("", directory); err != nil || got != directory {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := workingDir("../b", directory); err != nil || got != directory {
		t.Errorf("relative: got %q, %v", got, err)
	}
}

func TestUsersAreResolvedAsDockerDoes(t *testing.T) {
	for spec, want := range map[string]string{
		"":            "0 0 /root",
		"12345":       "12345 0 /",
		"12345:54321": "12345 54321 /",
		"root:54321":  "0 54321 /root",
	} {
		command := shell("echo $(id -u) $(id -g) $HOME")
		command.User = spec
		if got := strings.TrimSpace(run(t, command).stdout.String()); got != want {
			t.Errorf("user %q: got %q, want %q", spec, got, want)
		}
	}
}

func TestWhyACommandDidNotStart(t *testing.T) {
	directory := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(directory, name)
		os.WriteFile(path, []byte(content), mode)
		return path
	}
	plain := file("plain", "x", 0o644)
	garbage := file("garbage", "\x01\x02", 0o755)
	orphan := file("orphan", "#!/no/such/interpreter\n", 0o755)
	for _, c := range []struct {
		command Command
		want    string
	}{
		{Command{}, "no program given"},
		{Command{Argv: []string{"/bin/no-shell"}}, "/bin/no-shell: not found in the image"},
		{Command{Argv: []string{"no-such-tool"}}, "no-such-tool: not found in the image (PATH "},
		{Command{Argv: []string{plain}}, plain + ": permission denied"},
		{Command{Argv: []string{directory}}, directory + ": is a directory"},
		{Command{Argv: []string{garbage}}, garbage + ": exec format error"},
		{Command{Argv: []string{orphan}}, orphan + ": its interpreter or loader is not found"},
		{Command{Argv: []string{"/bin/sh", "a\x00b"}}, "/bin/sh: an argument or variable contains a zero byte"},
		{Command{Argv: []string{"/bin/sh"}, User: "nosuchuser"}, "unknown user nosuchuser"},
		{Command{Argv: []string{"/bin/sh"}, User: "root:nosuchgroup"}, "unknown group nosuchgroup"},
		{Command{Argv: []string{"/bin/sh"}, Cwd: "/no/such"}, "working directory /no/such: no such file or directory"},
		{Command{Argv: []string{"/bin/sh"}, Cwd: plain}, "working directory " + plain + ": not a directory"},
		{Command{Argv: []string{"/bin/sh"}, TimeoutMs: -1}, "timeoutMs is negative"},
	} {
		_, err := Start(c.command, testDefaults, reaper)
		if _, ok := err.(*NotStartedError); !ok || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %s", c.command, err, c.want)
		}
	}
}
