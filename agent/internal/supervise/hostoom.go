package supervise

import (
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// hostMemory tells whether the host killed the VMM because its memory ran out.
type hostMemory struct {
	kernelLog string // path
	events    string // the control group's memory.events, or ""
	before    int64  // its oom_kill when the VMM started
}

func watchHostMemory() hostMemory {
	m := hostMemory{kernelLog: "/dev/kmsg", events: ownMemoryEvents()}
	m.before = oomKills(m.events)
	return m
}

// killed returns what tells that the host's kernel killed the VMM, or "".
func (m hostMemory) killed(pid int, exit Exit) string {
	if exit.Requested || exit.Signal == nil || *exit.Signal != "SIGKILL" {
		return ""
	}
	if line := oomLine(readKernelLog(m.kernelLog), pid); line != "" {
		return line
	}
	if after := oomKills(m.events); after > m.before {
		return fmt.Sprintf("%s counts %d more oom_kill since the VMM was started", m.events, after-m.before)
	}
	return ""
}

// oomLine is the newest line in which the kernel says that it killed the process for want of memory.
func oomLine(log string, pid int) string {
	found := ""
	for line := range strings.SplitSeq(log, "\n") {
		if strings.Contains(line, fmt.Sprintf("Killed process %d (", pid)) {
			_, text, _ := strings.Cut(line, ";")
			found = text
		}
	}
	return found
}

// readKernelLog reads all records there are now. Who may not read them learns nothing.
func readKernelLog(name string) string {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var log strings.Builder
	record := make([]byte, 8<<10)
	for {
		n, err := unix.Read(fd, record)
		if err == unix.EPIPE || err == unix.EINTR { // overwritten meanwhile
			continue
		}
		if err != nil || n == 0 {
			return log.String()
		}
		log.Write(record[:n])
	}
}

// ownMemoryEvents is the file in which the kernel counts what happens to this process's control group (version 2).
func ownMemoryEvents() string {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(groups)) {
		if group, found := strings.CutPrefix(strings.TrimSpace(line), "0::"); found {
			return path.Join("/sys/fs/cgroup", group, "memory.events")
		}
	}
	return ""
}

func oomKills(events string) int64 {
	content, err := os.ReadFile(events)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(content)) {
		if count, found := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); found {
			kills, _ := strconv.ParseInt(count, 10, 64)
			return kills
		}
	}
	return 0
}
