package supervise

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const monitoredVariable = "TEST_SUPERVISE_MONITORED"

// monitoredVMM is a VMM for tests: its guest's memory is a private mapping of the file, in which it changes a page, and
// descriptor 3 is its monitor. It logs the commands it gets to `commands`, with the state it inherited first.
func monitoredVMM(memoryFile string) {
	file, _ := os.Open(memoryFile)
	info, _ := file.Stat()
	memory, err := unix.Mmap(int(file.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	copy(memory[4096:], "of the guest")
	commands, _ := os.OpenFile("commands", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if state := make([]byte, 64); true {
		n, _ := unix.Read(4, state)
		fmt.Fprintf(commands, "incoming %s\n", state[:max(n, 0)])
	}
	monitor := os.NewFile(3, "monitor")
	fmt.Fprintln(monitor, `{"QMP":{}}`)
	status := "running"
	for lines := bufio.NewScanner(monitor); lines.Scan(); {
		var command struct {
			Execute   string
			Arguments struct{ Filename string }
		}
		json.Unmarshal(lines.Bytes(), &command)
		fmt.Fprintln(commands, command.Execute)
		reply := `{"return":{}}`
		switch command.Execute {
		case "stop":
			status = "paused"
		case "cont":
			status = "running"
		case "query-status":
			reply = fmt.Sprintf(`{"return":{"status":%q}}`, status)
		case "xen-save-devices-state":
			if os.WriteFile(command.Arguments.Filename, []byte("devices"), 0o600) != nil {
				reply = `{"error":{"class":"GenericError","desc":"cannot write there"}}`
			}
		}
		fmt.Fprintln(monitor, reply)
	}
}

// startMonitored starts a supervisor of a monitoredVMM.
func startMonitored(t *testing.T, incoming string) (s *supervisor, memory string) {
	t.Helper()
	memory = filepath.Join(t.TempDir(), "memory")
	if err := os.WriteFile(memory, bytes.Repeat([]byte("base"), 3*1024), 0o600); err != nil {
		t.Fatal(err)
	}
	self, _ := os.Executable()
	argv := []string{"/usr/bin/env", "-u", configVariable, monitoredVariable + "=" + memory, self}
	s = startSupervisor(t, argv, func(config *Config) {
		config.ControlSocket, config.MemoryFile, config.Incoming = "control.sock", memory, incoming
	})
	s.event("started")
	return s, memory
}

// ask sends one request and returns the answer.
func (s *supervisor) ask(line string) map[string]any {
	s.t.Helper()
	conn, err := net.Dial("unix", filepath.Join(s.directory, "control.sock"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, line)
	var reply map[string]any
	if err := json.NewDecoder(conn).Decode(&reply); err != nil {
		s.t.Fatal(err)
	}
	return reply
}

func TestASaveHoldsTheMachineAndTheGuestGoesOn(t *testing.T) {
	s, memory := startMonitored(t, "")
	s.ask(`{"action":"status"}`)
	os.Remove(memory) // its name may go while it is mapped
	layer := filepath.Join(s.directory, "layer")
	os.WriteFile(layer, []byte("the disk"), 0o600)
	into := t.TempDir()
	reply := s.ask(fmt.Sprintf(`{"action":"save","memory":"%[1]s/m","state":"%[1]s/s","layer":"%[1]s/l","layerSource":%[2]q}`,
		into, layer))
	if reply["error"] != nil || reply["bytes"] != 4096.0 {
		t.Fatalf("got %v", reply)
	}
	saved, _ := os.ReadFile(into + "/m")
	want := bytes.Repeat([]byte("base"), 3*1024)
	copy(want[4096:], "of the guest")
	if !bytes.Equal(saved, want) {
		t.Errorf("the memory differs: %q", saved[4090:4120])
	}
	state, _ := os.ReadFile(into + "/s")
	disk, _ := os.ReadFile(into + "/l")
	if string(state) != "devices" || string(disk) != "the disk" {
		t.Errorf("got %q and %q", state, disk)
	}
	if got := s.ask(`{"action":"status"}`); got["status"] != "running" {
		t.Errorf("got %v", got)
	}
	if got := s.file("commands"); !strings.Contains(got, "stop\nxen-save-devices-state\ncont\n") {
		t.Errorf("got %s", got)
	}
}

func TestAFailedSaveResumesAndAPausedGuestStaysPaused(t *testing.T) {
	s, _ := startMonitored(t, "")
	into := t.TempDir()
	if reply := s.ask(fmt.Sprintf(`{"action":"save","memory":"%s/m","state":"/none/s"}`, into)); reply["error"] == nil {
		t.Errorf("got %v", reply)
	}
	if got := s.ask(`{"action":"status"}`); got["status"] != "running" {
		t.Errorf("after a failed save: %v", got)
	}
	s.ask(`{"action":"pause"}`)
	if reply := s.ask(fmt.Sprintf(`{"action":"save","memory":"%[1]s/m2","state":"%[1]s/s"}`, into)); reply["error"] != nil {
		t.Errorf("got %v", reply)
	}
	if got := s.ask(`{"action":"status"}`); got["status"] != "paused" {
		t.Errorf("after saving a paused guest: %v", got)
	}
	if s.ask(`{"action":"resume"}`); s.ask(`{"action":"status"}`)["status"] != "running" {
		t.Error("it was not resumed")
	}
}

func TestNonsenseIsRefusedAndHarmsNothing(t *testing.T) {
	s, _ := startMonitored(t, "")
	for _, line := range []string{"hello", `{}`, `{"action":"quit"}`, `{"action":"save"}`, `{"action":"save","memory":"/none/m","state":"/s"}`} {
		if reply := s.ask(line); reply["error"] == nil {
			t.Errorf("%s: got %v", line, reply)
		}
	}
	if got := s.ask(`{"action":"status"}`); got["status"] != "running" {
		t.Errorf("got %v", got)
	}
}

func TestTheVMMGoesOnFromAState(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	os.WriteFile(state, []byte("saved devices"), 0o600)
	s, _ := startMonitored(t, state)
	s.ask(`{"action":"status"}`)
	if got := s.file("commands"); !strings.HasPrefix(got, "incoming saved devices\n") {
		t.Errorf("got %s", got)
	}
	s.command.Process.Signal(unix.SIGTERM)
	s.event("exited")
	s.status()
	if _, err := os.Stat(filepath.Join(s.directory, "control.sock")); !os.IsNotExist(err) {
		t.Errorf("the control socket is left: %v", err)
	}
}
