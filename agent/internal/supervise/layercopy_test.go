package supervise

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func withLayer(source string) func(*Config) {
	return func(config *Config) { config.Layer = &LayerConfig{source, "layer.ext4"} }
}

func TestTheLayerIsThereBeforeTheVMMStarts(t *testing.T) {
	source := filepath.Join(t.TempDir(), "saved.ext4")
	file, err := os.Create(source)
	if err != nil {
		t.Fatal(err)
	}
	file.WriteAt([]byte("begin"), 0)
	file.WriteAt([]byte("end"), 64<<20)
	file.Close()
	s := startSupervisor(t, script("head -c 5 layer.ext4; tail -c 3 layer.ext4; stat -c ' %s' layer.ext4"), withLayer(source))
	s.event("layer-made")
	s.event("started")
	s.event("exited")
	if got := s.file("console.log"); got != fmt.Sprintf("beginend %d\n", 64<<20+3) {
		t.Errorf("got %q", got)
	}
	var found syscall.Stat_t
	if err := syscall.Stat(filepath.Join(s.directory, "layer.ext4"), &found); err != nil || found.Blocks*512 > 1<<20 {
		t.Errorf("it takes %d bytes, %v", found.Blocks*512, err)
	}
}

func TestNoVMMStartsWithoutItsLayer(t *testing.T) {
	s := startSupervisor(t, script("touch ran"), withLayer("/nowhere/saved.ext4"))
	event := s.event("failed")
	if message := event["message"].(string); !strings.Contains(message, "make the layer disk: open /nowhere/saved.ext4") || event["stage"] != "layer" {
		t.Errorf("got %v", event)
	}
	if s.status() == 0 {
		t.Error("it succeeded")
	}
	if _, err := os.Stat(filepath.Join(s.directory, "ran")); err == nil {
		t.Error("the VMM ran")
	}
}

func TestALayerKeepsItsFileAndItsOtherNames(t *testing.T) {
	directory := t.TempDir()
	at := func(name string) string { return filepath.Join(directory, name) }
	os.WriteFile(at("source"), []byte("new"), 0o600)
	os.WriteFile(at("layer"), []byte("longer than what comes"), 0o600)
	if err := os.Link(at("layer"), at("jailed")); err != nil {
		t.Fatal(err)
	}
	if err := overwrite(at("layer"), at("source")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(at("jailed")); string(got) != "new" {
		t.Errorf("got %q", got)
	}
	os.Symlink(at("source"), at("link"))
	if err := overwrite(at("link"), at("jailed")); err == nil {
		t.Error("a link was followed")
	}
}

func TestWhoEndsASupervisorDoesNotWaitForTheLayer(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "never")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	s := startSupervisor(t, script("touch ran"), withLayer(pipe))
	s.awaitFile("console.log")
	s.command.Process.Signal(syscall.SIGTERM)
	if message := s.event("failed")["message"].(string); !strings.Contains(message, "before its VMM could start") {
		t.Errorf("got %q", message)
	}
}

func TestAFullDiskIsToldAsOne(t *testing.T) {
	if event := failed(fmt.Errorf("make the layer disk: %w", &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})); !event.NoSpace {
		t.Errorf("got %+v", event)
	}
	if event := failed(os.ErrNotExist); event.NoSpace {
		t.Errorf("got %+v", event)
	}
}
