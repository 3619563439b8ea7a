package health

import "strings"

// Network is traffic since boot over all interfaces but lo.
type Network struct {
	RxBytes int64 `json:"rxBytes"`
	TxBytes int64 `json:"txBytes"`
}

// parseNetDev reads /proc/net/dev; ok is false if there is no interface but lo.
func parseNetDev(text string) (n Network, ok bool) {
	for line := range strings.Lines(text) {
		name, rest, found := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !found || name == "lo" {
			continue
		}
		// eight columns received, then eight sent; bytes are the first of each
		counts := numbers(strings.Fields(rest), 16)
		n.RxBytes += counts[0]
		n.TxBytes += counts[8]
		ok = true
	}
	return n, ok
}

// IO is what the disks have read and written since boot.
type IO struct {
	ReadBytes    int64 `json:"readBytes"`
	WrittenBytes int64 `json:"writtenBytes"`
}

// parseDiskstats reads /proc/diskstats: major, minor, name, then reads, merged, sectors read, ms, writes, merged,
// sectors written.
func parseDiskstats(text string) IO {
	const sector = 512
	var io IO
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 10 || !isDisk(fields[2]) {
			continue
		}
		counts := numbers(fields[3:], 7)
		io.ReadBytes += min(counts[2], most/sector) * sector
		io.WrittenBytes += min(counts[6], most/sector) * sector
	}
	return io
}

// isDisk admits whole disks of a virtual machine: not their partitions, and nothing that is made of other disks.
func isDisk(name string) bool {
	for _, prefix := range []string{"vd", "sd", "xvd"} {
		if letters, found := strings.CutPrefix(name, prefix); found {
			return letters != "" && strings.Trim(letters, "abcdefghijklmnopqrstuvwxyz") == ""
		}
	}
	return false
}
