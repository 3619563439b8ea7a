package machine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOnlyMissingHostsAreAdded(t *testing.T) {
	const localhost = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	for hosts, want := range map[string]string{
		"":                              localhost + "127.0.1.1\tbox\n",
		"127.0.0.1 localhost":           "\n127.0.1.1\tbox\n",
		"127.0.0.1 localhost box\n":     "",
		"127.0.0.1 localhost box":       "",
		"127.0.0.1 x # localhost box\n": localhost + "127.0.1.1\tbox\n",
		"box localhost\n":               "127.0.1.1\tbox\n",
	} {
		if got := missingHosts(hosts, "box"); got != want {
			t.Errorf("%q: got %q, want %q", hosts, got, want)
		}
	}
}

func TestAPlantedFileIsNotWrittenThrough(t *testing.T) {
	directory := t.TempDir()
	victim := filepath.Join(directory, "victim")
	os.WriteFile(victim, []byte("kept"), 0o644)
	link, pipe := filepath.Join(directory, "link"), filepath.Join(directory, "pipe")
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, pipe, directory} {
		if err := writePlain(path, "written"); err == nil {
			t.Errorf("%s was written", path)
		}
		if _, err := readPlain(path); err == nil {
			t.Errorf("%s was read", path)
		}
	}
	if content, _ := os.ReadFile(victim); string(content) != "kept" {
		t.Errorf("the victim has %q", content)
	}
}

func TestAPlainFileIsReplacedAndAMissingOneIsEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	if got, err := readPlain(path); got != "" || err != nil {
		t.Errorf("missing: %q, %v", got, err)
	}
	for _, content := range []string{"a longer content\n", "short\n"} {
		if err := writePlain(path, content); err != nil {
			t.Fatal(err)
		}
		if got, err := readPlain(path); got != content || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestAMountPointThatIsNoDirectoryIsReplaced(t *testing.T) {
	directory := t.TempDir()
	target := filepath.Join(directory, "dev")
	if err := os.Symlink("/", target); err != nil {
		t.Fatal(err)
	}
	if err := ensureDirectory(target, discard{}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(target)
	if err != nil || !info.IsDir() {
		t.Errorf("it is %v, %v", info.Mode(), err)
	}
}

type discard struct{}

func (discard) Printf(string, ...any) {}

func TestANewNameReplacesTheOneBefore(t *testing.T) {
	image := "127.0.0.1\tlocalhost\n10.0.0.1\tgolden.example\n"
	first := renamedHosts(image, "golden", "")
	if first != image+"127.0.1.1\tgolden\n" {
		t.Errorf("got %q", first)
	}
	if got := renamedHosts(first, "box", "golden"); got != image+"127.0.1.1\tbox\n" {
		t.Errorf("got %q", got)
	}
	if got := renamedHosts(first, "golden", "golden"); got != first {
		t.Errorf("got %q", got)
	}
}

func TestShiftIsTakenByTheKernelAsWholeSecondsAndNanoseconds(t *testing.T) {
	for by, wanted := range map[time.Duration][2]int64{
		1500 * time.Millisecond:  {1, 500_000_000},
		-1500 * time.Millisecond: {-2, 500_000_000},
		-2 * time.Second:         {-2, 0},
		-1:                       {-1, 999_999_999},
	} {
		shift := shiftOf(by)
		if got := [2]int64{int64(shift.Time.Sec), int64(shift.Time.Usec)}; got != wanted {
			t.Errorf("%v: got %v, want %v", by, got, wanted)
		}
	}
}

func TestAFileIsAllThatWasWrittenLast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hostname")
	for _, content := range []string{"golden\n", "a-longer-name\n", "box\n", ""} {
		if err := writePlain(path, content); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("got %q, %v, want %q", got, err, content)
		}
	}
}
