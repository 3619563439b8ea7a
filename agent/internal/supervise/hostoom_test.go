package supervise

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAKillForWantOfTheHostsMemoryIsToldByWhatTheKernelSaid(t *testing.T) {
	directory := t.TempDir()
	log, events := filepath.Join(directory, "kmsg"), filepath.Join(directory, "events")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const line = "Out of memory: Killed process 42 (qemu-system-x86) total-vm:900kB, anon-rss:800kB"
	write(log, "3,1,1,-;Killed process 421 (other)\n3,2,2,-;"+line+"\n6,3,3,-;oom_reaper: reaped process 42\n")
	write(events, "low 0\noom_kill 1\n")
	memory := hostMemory{kernelLog: log, events: events, before: 1}
	kill, crash := "SIGKILL", "SIGSEGV"
	for _, c := range []struct {
		pid  int
		exit Exit
		want string
	}{
		{42, Exit{Signal: &kill}, line},
		{42, Exit{Signal: &kill, Requested: true}, ""},
		{42, Exit{Signal: &crash}, ""},
		{7, Exit{Signal: &kill}, ""},
	} {
		if got := memory.killed(c.pid, c.exit); got != c.want {
			t.Errorf("%d, %+v: got %q", c.pid, c.exit, got)
		}
	}
	write(events, "low 0\noom_kill 3\n")
	if got := memory.killed(7, Exit{Signal: &kill}); got == "" {
		t.Error("the count of the control group was not looked at")
	}
}
