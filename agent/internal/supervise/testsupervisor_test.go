package supervise

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const configVariable = "TEST_SUPERVISE_CONFIG"

// TestMain lets the test program be a supervisor.
func TestMain(m *testing.M) {
	if memory := os.Getenv(monitoredVariable); memory != "" {
		monitoredVMM(memory)
		os.Exit(0)
	}
	if path := os.Getenv(configVariable); path != "" {
		os.Exit(Run(path, os.Stdout))
	}
	os.Exit(m.Run())
}

// supervisor is a supervisor process whose VMM is a shell script.
type supervisor struct {
	t         *testing.T
	directory string
	command   *exec.Cmd
	events    *bufio.Scanner
	stdout    *os.File
}

func startSupervisor(t *testing.T, argv []string, change func(*Config)) *supervisor {
	t.Helper()
	directory := t.TempDir()
	config := Config{VMID: "vm_1", Argv: argv, ConsoleLog: "console.log", ConsoleMaxBytes: 1 << 20, VMMLog: "vmm.log",
		VMMLogMaxBytes: 1 << 18, PidFile: "supervisor.json", ExitFile: "exit.json", AgentSocket: "agent.sock",
		Transport: VirtioSerial}
	if change != nil {
		change(&config)
	}
	body, _ := json.Marshal(config)
	path := filepath.Join(directory, "config.json")
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return startSupervisorOn(t, path)
}

// startSupervisorOn starts a supervisor on a configuration file.
func startSupervisorOn(t *testing.T, path string) *supervisor {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	self, _ := os.Executable()
	command := exec.Command(self)
	command.Env = append(os.Environ(), configVariable+"="+path)
	command.Stdout, command.Stderr = write, os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	t.Cleanup(func() { command.Process.Kill(); command.Wait(); read.Close() })
	return &supervisor{t, filepath.Dir(path), command, bufio.NewScanner(read), read}
}

func script(text string) []string { return []string{"/bin/sh", "-c", text} }

// event returns the next event, which must have the type.
func (s *supervisor) event(kind string) map[string]any {
	s.t.Helper()
	if !s.events.Scan() {
		s.t.Fatalf("no %s event", kind)
	}
	var event map[string]any
	if err := json.Unmarshal(s.events.Bytes(), &event); err != nil || event["type"] != kind {
		s.t.Fatalf("want %s, got %s", kind, s.events.Text())
	}
	return event
}

func (s *supervisor) file(name string) string {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.directory, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(content)
}

func (s *supervisor) exit() Exit {
	s.t.Helper()
	var exit Exit
	if err := json.Unmarshal([]byte(s.file("exit.json")), &exit); err != nil {
		s.t.Fatal(err)
	}
	return exit
}

func (s *supervisor) status() int {
	s.command.Wait()
	return s.command.ProcessState.ExitCode()
}

func (s *supervisor) awaitConsole(text string) {
	s.t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if content, _ := os.ReadFile(filepath.Join(s.directory, "console.log")); strings.Contains(string(content), text) {
			return
		}
	}
	s.t.Fatalf("the console never had %q", text)
}

func (s *supervisor) awaitFile(name string) {
	s.t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Lstat(filepath.Join(s.directory, name)); err == nil {
			return
		}
	}
	s.t.Fatalf("there never was a %s", name)
}

func awaitDead(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Fatalf("process %d still runs", pid)
}
