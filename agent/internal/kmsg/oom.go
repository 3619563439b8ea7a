package kmsg

import (
	"strconv"
	"strings"
)

// victim is a process the kernel killed for want of memory.
type victim struct {
	pid      int
	name     string
	rssBytes int64
}

// What stands before "Killed process": nothing in old kernels, for the machine or a control group in newer ones.
var killPrefixes = []string{"", "Out of memory: ", "Memory cgroup out of memory: ",
	"Out of memory (oom_kill_allocating_task): "}

// parseKill recognises the kernel's report of a kill:
//
//	Out of memory: Killed process 7 (name) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, UID:0 …
//	Memory cgroup out of memory: Killed process 7 (name), UID 0, total-vm:…
func parseKill(text string) (victim, bool) {
	before, rest, found := strings.Cut(text, "Killed process ")
	if !found || !isOneOf(before, killPrefixes) {
		return victim{}, false
	}
	pid, rest, found := strings.Cut(rest, " (")
	if !found {
		return victim{}, false
	}
	number, err := strconv.ParseUint(pid, 10, 31)
	if err != nil {
		return victim{}, false
	}
	// A process chooses its name, so the last place that fits is where it ends.
	memory := strings.LastIndex(rest, "total-vm:")
	if memory < 0 {
		return victim{}, false
	}
	end := strings.LastIndexByte(rest[:memory], ')')
	if end < 0 {
		return victim{}, false
	}
	return victim{int(number), rest[:end], residentBytes(rest[memory:])}, true
}

// residentBytes adds up the `…-rss:NkB` of a report.
func residentBytes(report string) int64 {
	const kilo, most = 1024, int64(1) << 50
	var sum int64
	for field := range strings.SplitSeq(report, " ") {
		name, value, _ := strings.Cut(strings.TrimSuffix(field, ","), ":")
		if !strings.HasSuffix(name, "-rss") {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(value, "kB"), 10, 64)
		if err == nil && n >= 0 && n < most/kilo {
			sum += n * kilo
		}
	}
	return sum
}

// parseVerdict recognises the line before a kill that names the victim's control group:
//
//	oom-kill:constraint=CONSTRAINT_MEMCG,…,task_memcg=/a/b,task=name,pid=7,uid=0
func parseVerdict(text string) (pid int, cgroup string, ok bool) {
	if !strings.HasPrefix(text, "oom-kill:") {
		return 0, "", false
	}
	// Paths and names may hold anything, so what comes after them is looked for from the end.
	_, rest, found := strings.Cut(text, ",task_memcg=")
	if !found {
		return 0, "", false
	}
	at := strings.LastIndex(rest, ",pid=")
	if at < 0 {
		return 0, "", false
	}
	digits, _, _ := strings.Cut(rest[at+len(",pid="):], ",")
	number, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return 0, "", false
	}
	name := strings.LastIndex(rest[:at], ",task=")
	if name < 0 {
		return 0, "", false
	}
	return int(number), rest[:name], true
}

func isOneOf(text string, of []string) bool {
	for _, one := range of {
		if text == one {
			return true
		}
	}
	return false
}
