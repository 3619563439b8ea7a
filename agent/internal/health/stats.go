// Package health measures the guest by what its kernel tells in /proc.
package health

import (
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// procLimit is how much of a file in /proc is read, in bytes.
const procLimit = 256 << 10

var pageSize = int64(os.Getpagesize())

// Stats is the guest at one moment; counters are since boot.
type Stats struct {
	At            int64      `json:"at"`       // ms since 1970
	UptimeMs      int64      `json:"uptimeMs"` // pauses included
	CPU           CPU        `json:"cpu"`
	Memory        Memory     `json:"memory"`
	Disk          Disk       `json:"disk"`
	Processes     int        `json:"processes"` // kernel threads included
	Load          [3]float64 `json:"load"`      // over 1, 5 and 15 minutes
	Pressure      *Pressures `json:"pressure,omitempty"`
	OOMKills      int64      `json:"oomKills"`
	AgentRSSBytes int64      `json:"agentRssBytes"`
	Network       *Network   `json:"network,omitempty"`
	IO            IO         `json:"io"`
}

// Disk is the root file system.
type Disk struct {
	TotalBytes     int64 `json:"totalBytes"`
	UsedBytes      int64 `json:"usedBytes"`
	AvailableBytes int64 `json:"availableBytes"` // to ordinary users
	InodesTotal    int64 `json:"inodesTotal"`
	InodesUsed     int64 `json:"inodesUsed"`
}

// Pressures is there if the kernel measures it.
type Pressures struct {
	CPU    Pressure `json:"cpu"`
	Memory Pressure `json:"memory"`
	IO     Pressure `json:"io"`
}

// Measure looks at everything once.
func Measure() (Stats, error) {
	_, processes, err := scan(0)
	if err != nil {
		return Stats{}, err
	}
	disk, err := rootDisk()
	if err != nil {
		return Stats{}, err
	}
	self, _ := parseTask(readProc("self/stat"))
	s := Stats{
		At: time.Now().UnixMilli(), UptimeMs: uptime().Milliseconds(),
		CPU: parseStat(readProc("stat")), Memory: parseMeminfo(readProc("meminfo")), Disk: disk,
		Processes: processes, Load: parseLoad(readProc("loadavg")), Pressure: pressures(),
		OOMKills: parseOOMKills(readProc("vmstat")), AgentRSSBytes: self.residentPgs * pageSize,
		IO: parseDiskstats(readProc("diskstats")),
	}
	if network, ok := parseNetDev(readProc("net/dev")); ok {
		s.Network = &network
	}
	return s, nil
}

func pressures() *Pressures {
	cpu := readProc("pressure/cpu")
	if cpu == "" {
		return nil
	}
	return &Pressures{parsePressure(cpu), parsePressure(readProc("pressure/memory")), parsePressure(readProc("pressure/io"))}
}

func rootDisk() (Disk, error) {
	var root unix.Statfs_t
	if err := unix.Statfs("/", &root); err != nil {
		return Disk{}, os.NewSyscallError("statfs", err)
	}
	bytes := func(blocks uint64) int64 { return int64(blocks) * root.Bsize }
	return Disk{
		TotalBytes: bytes(root.Blocks), UsedBytes: bytes(root.Blocks - root.Bfree), AvailableBytes: bytes(root.Bavail),
		InodesTotal: int64(root.Files), InodesUsed: int64(root.Files - root.Ffree),
	}, nil
}

// readProc is the start of a file in /proc, empty if there is none: processes end and kernels differ.
func readProc(name string) string {
	file, err := os.Open("/proc/" + name)
	if err != nil {
		return ""
	}
	defer file.Close()
	limit := int64(procLimit)
	if strings.HasSuffix(name, "/cmdline") {
		limit = commandLimit
	}
	text, err := io.ReadAll(io.LimitReader(file, limit))
	if err != nil {
		return ""
	}
	return string(text)
}

// uptime is the time since boot, pauses included.
func uptime() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		panic(err) // every kernel has this clock
	}
	return time.Duration(now.Nano())
}
