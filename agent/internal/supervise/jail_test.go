package supervise

import (
	"os"
	"path/filepath"
	"testing"
)

func jailIn(t *testing.T) (jail, string) {
	t.Helper()
	root := t.TempDir()
	return jail{&JailConfig{Root: root, UID: max(os.Getuid(), 1)}}, root
}

func TestWhatAJailedVMMWroteIsTaken(t *testing.T) {
	j, root := jailIn(t)
	destination := filepath.Join(t.TempDir(), "memory")
	box, err := j.outboxFor("saved", destination)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, box.theirs), []byte("memory"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := box.take(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(destination)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info, err)
	}
}

func TestAVMMThatWasTakenOverCannotHandUsAnotherFile(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("of the host"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, plant := range map[string]func(string) error{
		"a link":        func(path string) error { return os.Symlink(secret, path) },
		"a second name": func(path string) error { return os.Link(secret, path) },
		"a directory":   func(path string) error { return os.Mkdir(path, 0o700) },
		"nothing":       func(string) error { return nil },
	} {
		j, root := jailIn(t)
		destination := filepath.Join(t.TempDir(), "memory")
		box, err := j.outboxFor("saved", destination)
		if err != nil {
			t.Fatal(err)
		}
		if err := plant(filepath.Join(root, "saved")); err != nil {
			t.Fatal(err)
		}
		if err := box.take(); err == nil {
			t.Errorf("%s was taken", name)
		}
		if _, err := os.Lstat(destination); err == nil {
			t.Errorf("%s came to the destination", name)
		}
	}
}

func TestWithoutAJailAFileIsWrittenWhereItStays(t *testing.T) {
	box, err := jail{}.outboxFor("saved", "/there/memory")
	if err != nil || box.theirs != "/there/memory" || box.take() != nil {
		t.Errorf("got %+v, %v", box, err)
	}
}
