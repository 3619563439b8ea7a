package health

import (
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

const (
	// ProcessesLimit is the most processes one list has.
	ProcessesLimit = 1000
	// commandLimit is how much of a command line is told, in bytes.
	commandLimit = 4 << 10
	// accountsLimit is how much of /etc/passwd is read, in bytes.
	accountsLimit = 4 << 20
	// directoryBatch is how many entries of /proc are held at a time.
	directoryBatch = 256
)

// Process is one process of the guest.
type Process struct {
	Pid       int    `json:"pid"`
	PPid      int    `json:"ppid"`
	User      string `json:"user"` // its number if the image gives it no name
	Name      string `json:"name"`
	Command   string `json:"command"` // with arguments; [name] for a kernel thread
	State     string `json:"state"`   // the letter of proc_pid_stat(5): R, S, D, Z, T, …
	RSSBytes  int64  `json:"rssBytes"`
	CPUMs     int64  `json:"cpuMs"`
	StartedAt int64  `json:"startedAt"` // ms since 1970
}

// Processes is the limit processes with the most memory, largest first; of equals the oldest.
func Processes(limit int) ([]Process, error) {
	largest, _, err := scan(min(limit, ProcessesLimit))
	if err != nil {
		return nil, err
	}
	names := userNames()
	booted := time.Now().Add(-uptime())
	listed := make([]Process, 0, len(largest))
	for _, task := range largest {
		listed = append(listed, describe(task, names, booted))
	}
	return listed, nil
}

// scan counts all processes and keeps the limit largest.
func scan(limit int) (largest []taskStat, count int, err error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, 0, err
	}
	defer proc.Close()
	for {
		names, err := proc.Readdirnames(directoryBatch)
		for _, name := range names {
			if _, err := strconv.ParseUint(name, 10, 31); err != nil {
				continue
			}
			task, ok := parseTask(readProc(name + "/stat"))
			if !ok {
				continue // gone meanwhile
			}
			count++
			largest = insert(largest, task, limit)
		}
		if errors.Is(err, io.EOF) {
			return largest, count, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

// insert keeps sorted the limit largest tasks.
func insert(sorted []taskStat, task taskStat, limit int) []taskStat {
	at, _ := slices.BinarySearchFunc(sorted, task, func(a, b taskStat) int {
		if a.residentPgs != b.residentPgs {
			return int(min(1, max(-1, b.residentPgs-a.residentPgs)))
		}
		return a.pid - b.pid
	})
	if at >= limit {
		return sorted
	}
	if len(sorted) == limit {
		sorted = sorted[:limit-1]
	}
	return slices.Insert(sorted, at, task)
}

func describe(task taskStat, names map[uint32]string, booted time.Time) Process {
	directory := strconv.Itoa(task.pid)
	owner := ""
	if id, ok := parseUID(readProc(directory + "/status")); ok {
		if owner = names[id]; owner == "" {
			owner = strconv.FormatUint(uint64(id), 10)
		}
	}
	return Process{
		Pid: task.pid, PPid: task.ppid, User: owner, Name: task.name, State: task.state,
		Command:  parseCommand(readProc(directory+"/cmdline"), task.name),
		RSSBytes: min(task.residentPgs, most/pageSize) * pageSize, CPUMs: min(task.cpuTicks, most/tickMs) * tickMs,
		StartedAt: booted.UnixMilli() + min(task.startTicks, most/tickMs)*tickMs,
	}
}

// userNames is the image's accounts by number; the first name of a number counts.
func userNames() map[uint32]string {
	names := map[uint32]string{}
	// An image may have anything there: a pipe must not hold up the agent.
	file, err := os.OpenFile("/etc/passwd", os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return names
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return names
	}
	accounts, err := user.ParsePasswd(io.LimitReader(file, accountsLimit))
	if err != nil {
		return names
	}
	for _, account := range accounts {
		if id := uint32(account.Uid); names[id] == "" {
			names[id] = account.Name
		}
	}
	return names
}
