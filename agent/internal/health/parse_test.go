package health

import (
	"fmt"
	"strings"
	"testing"
)

// Recorded on Linux 6.1 in a microVM, shortened.
const (
	statText = `cpu  250 10 340 93000 120 5 15 60 0 0
cpu0 130 5 170 46500 60 2 8 30 0 0
cpu1 120 5 170 46500 60 3 7 30 0 0
intr 32234 0 0
ctxt 120043
btime 1700000000
procs_blocked 0
`
	meminfoText = `MemTotal:         110984 kB
MemFree:           61000 kB
MemAvailable:      80500 kB
Buffers:             100 kB
Cached:            20000 kB
SReclaimable:       3000 kB
HugePages_Total:       0
`
	pressureText = `some avg10=1.50 avg60=0.75 avg300=0.10 total=123456
full avg10=0.50 avg60=0.25 avg300=0.01 total=2345
`
	netDevText = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    1000      10    0    0    0     0          0         0     1000      10    0    0    0     0       0          0
  eth0:  500000     400    0    0    0     0          0         0    70000     300    0    0    0     0       0          0
`
	diskstatsText = ` 254       0 vda 100 0 2000 50 0 0 0 0 0 40 50
 254      16 vdb 30 0 600 20 40 10 800 60 0 50 80 0 0 0 0
 254      17 vdb1 30 0 600 20 40 10 800 60 0 50 80 0 0 0 0
   7       0 loop0 9 0 900 0 0 0 0 0 0 0 0
`
	taskText = "71 (a) b (c) S 1 71 71 0 -1 4194560 200 0 3 0 12 34 0 0 20 0 3 0 4500 1234567 250 18446744073709551615 1 1 0 0 0 0 0\n"
)

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestRecordedTextIsUnderstood(t *testing.T) {
	same(t, "cpu", parseStat(statText), CPU{Count: 2, UsedMs: 6200, IdleMs: 931200, StealMs: 600})
	same(t, "memory", parseMeminfo(meminfoText), Memory{110984 << 10, 80500 << 10, 61000 << 10, 23100 << 10})
	same(t, "pressure", parsePressure(pressureText), Pressure{1.5, 0.75, 0.5, 0.25})
	same(t, "load", parseLoad("0.20 0.18 1.12 1/80 11206\n"), [3]float64{0.2, 0.18, 1.12})
	same(t, "kills", parseOOMKills("nr_free_pages 3\noom_kill 4\n"), 4)
	same(t, "io", parseDiskstats(diskstatsText), IO{2600 * 512, 800 * 512})
	network, ok := parseNetDev(netDevText)
	same(t, "network", []any{network, ok}, []any{Network{500000, 70000}, true})
	task, ok := parseTask(taskText)
	same(t, "task", []any{task, ok}, []any{taskStat{71, 1, "a) b (c", "S", 46, 4500, 250}, true})
	id, ok := parseUID("Name:\tx\nUid:\t0\t1000\t0\t0\nGid:\t0\n")
	same(t, "user", []any{id, ok}, []any{1000, true})
}

func TestWhatTheKernelDoesNotHaveIsLeftOut(t *testing.T) {
	if _, ok := parseNetDev(strings.Join(strings.SplitAfter(netDevText, "\n")[:3], "")); ok {
		t.Error("lo counts as a network")
	}
	same(t, "an older kernel's pressure", parsePressure("some avg10=2.00 avg60=1.00 avg300=0 total=0\n"), Pressure{Some10: 2, Some60: 1})
}

func TestCommandsAreOneLine(t *testing.T) {
	same(t, "arguments", parseCommand("python3\x00-c\x00pass\x00", "python3"), "python3 -c pass")
	same(t, "a kernel thread", parseCommand("", "kworker/0:1"), "[kworker/0:1]")
}

func TestOnlyTheLargestAreKept(t *testing.T) {
	var kept []taskStat
	for n := range 100 {
		kept = insert(kept, taskStat{pid: n, residentPgs: int64(n * 37 % 100)}, 3)
	}
	same(t, "sizes", []int64{kept[0].residentPgs, kept[1].residentPgs, kept[2].residentPgs}, []int64{99, 98, 97})
	same(t, "none wanted", len(insert(nil, taskStat{}, 0)), 0)
}

func FuzzParsers(f *testing.F) {
	for _, text := range []string{statText, meminfoText, pressureText, netDevText, diskstatsText, taskText, "cpu", "1 () S", ":"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cpu, memory, io := parseStat(text), parseMeminfo(text), parseDiskstats(text)
		if cpu.UsedMs < 0 || cpu.IdleMs < 0 || cpu.StealMs < 0 || memory.CachedBytes < 0 || io.ReadBytes < 0 {
			t.Errorf("negative: %v %v %v", cpu, memory, io)
		}
		if p := parsePressure(text); p.Some10 < 0 || p.Full60 < 0 {
			t.Errorf("negative: %v", p)
		}
		parseNetDev(text)
		parseLoad(text)
		parseUID(text)
		parseCommand(text, text)
		if task, ok := parseTask(text); ok && (task.pid < 0 || task.cpuTicks < 0) {
			t.Errorf("negative: %v", task)
		}
	})
}
