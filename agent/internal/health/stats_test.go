package health

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestThisMachineIsMeasured(t *testing.T) {
	s, err := Measure()
	if err != nil {
		t.Fatal(err)
	}
	if s.CPU.Count < 1 || s.Memory.TotalBytes < 1<<20 || s.Memory.AvailableBytes > s.Memory.TotalBytes ||
		s.Disk.TotalBytes <= 0 || s.Processes < 1 || s.AgentRSSBytes < 1<<20 || s.UptimeMs <= 0 {
		t.Errorf("got %+v", s)
	}
}

func TestAProcessIsListedWithItsCommandAndAge(t *testing.T) {
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { child.Process.Kill(); child.Wait() }()
	all, err := Processes(ProcessesLimit)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range all {
		if i > 0 && p.RSSBytes > all[i-1].RSSBytes {
			t.Errorf("%v comes after %v", p, all[i-1])
		}
		if p.Pid != child.Process.Pid {
			continue
		}
		age := time.Since(time.UnixMilli(p.StartedAt))
		if p.PPid != os.Getpid() || p.Command != "sleep 60" || p.Name != "sleep" || p.User == "" ||
			age < -100*time.Millisecond || age > 10*time.Second {
			t.Errorf("got %+v, %v old", p, age)
		}
		return
	}
	t.Error("it is not listed")
}
