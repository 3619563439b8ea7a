package supervise

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTheEndOfTheVMMIsRecorded(t *testing.T) {
	s := startSupervisor(t, script("echo console; echo first >&2; echo why >&2; exit 7"), nil)
	s.event("started")
	event := s.event("exited")
	exit := s.exit()
	if s.status() != 0 || *exit.ExitCode != 7 || exit.Signal != nil || exit.Requested || exit.Reason != "why" {
		t.Errorf("got %s", s.file("exit.json"))
	}
	if event["exitCode"] != 7.0 || event["reason"] != "why" || event["signal"] != nil {
		t.Errorf("got %v", event)
	}
	if s.file("console.log") != "console\n" || s.file("vmm.log") != "first\nwhy\n" {
		t.Errorf("logs: %q, %q", s.file("console.log"), s.file("vmm.log"))
	}
}

func TestTheOwnerIsOnRecordBeforeTheVMMStarts(t *testing.T) {
	s := startSupervisor(t, script("cat supervisor.json"), nil)
	s.event("started")
	s.event("exited")
	var identity Identity
	if err := json.Unmarshal([]byte(s.file("console.log")), &identity); err != nil {
		t.Fatal(err)
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if identity.Pid != s.command.Process.Pid || identity.BootID != strings.TrimSpace(string(boot)) || identity.StartTime == "" {
		t.Errorf("got %+v", identity)
	}
}

func TestTheStartTimeIsFoundBehindAnyName(t *testing.T) {
	stat := "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 999 20"
	if got, err := startTimeOf(stat); err != nil || got != "999" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := startTimeOf("1 (x) S 1"); err == nil {
		t.Error("a short line was accepted")
	}
}

func TestKillingTheSupervisorKillsTheVMM(t *testing.T) {
	s := startSupervisor(t, script("exec sleep 60"), nil)
	pid := int(s.event("started")["vmmPid"].(float64))
	s.command.Process.Kill()
	s.command.Wait()
	awaitDead(t, pid)
}

func TestSigtermEndsTheVMM(t *testing.T) {
	for name, text := range map[string]string{
		"a willing one":  "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done",
		"a stubborn one": "trap '' TERM; echo up; while :; do sleep 0.01; done",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSupervisor(t, script(text), nil)
			pid := int(s.event("started")["vmmPid"].(float64))
			s.awaitConsole("up")
			s.command.Process.Signal(syscall.SIGTERM)
			s.event("exited")
			exit := s.exit()
			killed := exit.Signal != nil && *exit.Signal == "SIGKILL"
			if s.status() != 0 || !exit.Requested || killed != strings.Contains(name, "stubborn") {
				t.Errorf("got %s", s.file("exit.json"))
			}
			awaitDead(t, pid)
		})
	}
}

func TestTheSupervisorOutlivesItsReaderAndItsTerminal(t *testing.T) {
	s := startSupervisor(t, script("sleep 0.3; echo late; exit 5"), nil)
	s.event("started")
	s.stdout.Close()
	for _, signal := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE} {
		s.command.Process.Signal(signal)
	}
	if s.status() != 0 || *s.exit().ExitCode != 5 {
		t.Errorf("status %d, %s", s.status(), s.file("exit.json"))
	}
}

func TestTheVMMInheritsNothingItShouldNot(t *testing.T) {
	s := startSupervisor(t, script("ls /proc/self/fd; readlink /proc/$$/fd/0; sed -n 's/^SigIgn:\\t//p' /proc/$$/status; "+
		"env | cut -d= -f1 | sort | tr '\\n' ' '"), nil)
	s.event("started")
	s.event("exited")
	// The last descriptor is the directory that ls reads.
	var fds, stdin, ignored, env string
	got := strings.Split(s.file("console.log"), "\n")
	if len(got) == 7 {
		fds, stdin, ignored, env = strings.Join(got[:4], " "), got[4], got[5], got[6]
	}
	// Signals from 32 on belong to the C library; one that whoever started the test ignores stays ignored.
	mask, err := strconv.ParseUint(ignored, 16, 64)
	if err != nil || mask&0x7fffffff != 0 || fds != "0 1 2 3" || stdin != "/dev/null" || env != "LANG PATH PWD " {
		t.Errorf("got %q", got)
	}
}

func TestAVMMThatCannotStartIsReported(t *testing.T) {
	s := startSupervisor(t, []string{"/no/such/vmm"}, nil)
	event := s.event("failed")
	exit := s.exit()
	if s.status() != 1 || exit.ExitCode != nil || exit.Signal != nil || !strings.Contains(exit.Reason, "/no/such/vmm") ||
		!strings.Contains(event["message"].(string), "/no/such/vmm") {
		t.Errorf("got %v, %s", event, s.file("exit.json"))
	}
}

func TestABadConfigurationIsReported(t *testing.T) {
	s := startSupervisor(t, nil, nil)
	s.event("failed")
	if s.status() != 1 {
		t.Errorf("status %d", s.status())
	}
}

func TestAVMRemovedBeforeItsOwnerSignedIsNotStarted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	s := startSupervisorOn(t, path)
	config, err := os.OpenFile(path, os.O_WRONLY, 0) // returns when the supervisor has opened it to read
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	config.WriteString(`{"vmId": "vm_1", "argv": ["/bin/touch", "started"]}`)
	config.Close()
	event := s.event("failed")
	if message := event["message"].(string); s.status() != 1 || !strings.Contains(message, "removed") {
		t.Errorf("status %d, %v", s.status(), event)
	}
	if left, _ := os.ReadDir(s.directory); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAFloodOnTheConsoleIsBounded(t *testing.T) {
	s := startSupervisor(t, script("head -c 300000000 /dev/zero; echo; echo end"), func(c *Config) { c.ConsoleMaxBytes = 100000 })
	s.event("started")
	s.event("exited")
	total := sizeOf(t, filepath.Join(s.directory, "console.log")) + sizeOf(t, filepath.Join(s.directory, "console.log.1"))
	if total > 100000 || total < 50000 || !strings.HasSuffix(s.file("console.log"), "\nend\n") {
		t.Errorf("kept %d bytes", total)
	}
}

func TestSocketsAreRemovedAndStaleOnesReplaced(t *testing.T) {
	s := startSupervisor(t, script("ls -l agent.sock channel.sock | cut -c1-10; sleep 60"), func(c *Config) { c.ChannelSocket = "channel.sock" })
	s.event("started")
	s.awaitConsole("srw-------\nsrw-------\n")
	s.command.Process.Signal(syscall.SIGTERM)
	s.event("exited")
	for _, name := range []string{"agent.sock", "channel.sock"} {
		if _, err := os.Lstat(filepath.Join(s.directory, name)); err == nil {
			t.Errorf("%s is left", name)
		}
	}
}

func TestTheLastOfAChainOfProcessesIsFound(t *testing.T) {
	command := exec.Command("/bin/sh", "-c", "sh -c 'sleep 1000; true'; true")
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer command.Wait()
	defer syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
	name := ""
	for end := time.Now().Add(10 * time.Second); name != "sleep" && time.Now().Before(end); time.Sleep(time.Millisecond) {
		content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", lastDescendant(command.Process.Pid)))
		name = strings.TrimSpace(string(content))
	}
	if name != "sleep" {
		t.Errorf("found %q", name)
	}
}
