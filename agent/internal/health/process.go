package health

import (
	"strconv"
	"strings"
)

// taskStat is one process as /proc/<pid>/stat tells it.
type taskStat struct {
	pid, ppid   int
	name        string
	state       string // one letter
	cpuTicks    int64
	startTicks  int64 // since boot
	residentPgs int64
}

// parseTask reads /proc/<pid>/stat. The name may hold anything, so it ends at the last parenthesis.
func parseTask(text string) (taskStat, bool) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 1 || end < open {
		return taskStat{}, false
	}
	pid, err := strconv.ParseUint(strings.TrimSpace(text[:open]), 10, 31)
	if err != nil {
		return taskStat{}, false
	}
	fields := strings.Fields(text[end+1:])
	if len(fields) < 22 || len(fields[0]) != 1 {
		return taskStat{}, false
	}
	// Numbered from 3 in proc_pid_stat(5): state is field 3.
	field := func(n int) int64 { return number(fields[n-3]) }
	return taskStat{
		pid: int(pid), ppid: int(field(4)), name: text[open+1 : end], state: fields[0],
		cpuTicks: field(14) + field(15), startTicks: field(22), residentPgs: field(24),
	}, true
}

// parseUID reads the effective user id of /proc/<pid>/status.
func parseUID(text string) (uint32, bool) {
	for line := range strings.Lines(text) {
		rest, found := strings.CutPrefix(line, "Uid:")
		if !found {
			continue
		}
		ids := strings.Fields(rest)
		if len(ids) < 2 {
			return 0, false
		}
		id, err := strconv.ParseUint(ids[1], 10, 32)
		return uint32(id), err == nil
	}
	return 0, false
}

// parseCommand reads /proc/<pid>/cmdline: arguments that each end in NUL. Kernel threads have none.
func parseCommand(text, name string) string {
	joined := strings.TrimRight(strings.ReplaceAll(text, "\x00", " "), " ")
	if joined == "" {
		return "[" + name + "]"
	}
	return joined
}
