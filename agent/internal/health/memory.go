package health

// Memory is of the whole guest.
type Memory struct {
	TotalBytes     int64 `json:"totalBytes"`
	AvailableBytes int64 `json:"availableBytes"` // what processes can still get, caches dropped
	FreeBytes      int64 `json:"freeBytes"`
	CachedBytes    int64 `json:"cachedBytes"` // page cache, buffers and reclaimable slabs
}

// parseMeminfo reads /proc/meminfo, which counts in KiB.
func parseMeminfo(text string) Memory {
	of := values(text)
	const kilo = 1 << 10
	bytes := func(names ...string) int64 {
		var sum int64
		for _, name := range names {
			sum += min(of[name], most/kilo) * kilo
		}
		return sum
	}
	return Memory{bytes("MemTotal"), bytes("MemAvailable"), bytes("MemFree"), bytes("Cached", "Buffers", "SReclaimable")}
}

// parseOOMKills reads the counter in /proc/vmstat.
func parseOOMKills(text string) int64 { return values(text)["oom_kill"] }
