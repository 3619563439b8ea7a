package health

import "strings"

// tickMs is a unit of the kernel's CPU times in milliseconds: USER_HZ is 100 on every architecture we run on.
const tickMs = 10

// CPU is time since boot, of all CPUs together.
type CPU struct {
	Count   int   `json:"count"`
	UsedMs  int64 `json:"usedMs"`
	IdleMs  int64 `json:"idleMs"`  // waiting for disks included
	StealMs int64 `json:"stealMs"` // wanted but not given by the host
}

// parseStat reads /proc/stat.
func parseStat(text string) CPU {
	var cpu CPU
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || !strings.HasPrefix(fields[0], "cpu") {
			continue
		}
		if fields[0] != "cpu" {
			cpu.Count++
			continue
		}
		// user nice system idle iowait irq softirq steal; the time of guests is in user already
		times := numbers(fields[1:], 8)
		cpu.UsedMs = (times[0] + times[1] + times[2] + times[5] + times[6]) * tickMs
		cpu.IdleMs = (times[3] + times[4]) * tickMs
		cpu.StealMs = times[7] * tickMs
	}
	return cpu
}
