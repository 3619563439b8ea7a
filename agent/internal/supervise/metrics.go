package supervise

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
)

// metricsLimit bounds one line of metrics, in bytes.
const metricsLimit = 256 << 10

// metricsDepth bounds how deep they are nested; Firecracker's are at most three deep.
const metricsDepth = 8

// keepMetrics keeps in a file what a Firecracker has counted in all. Each line it writes says what it has counted since
// the line before.
func keepMetrics(from *os.File, path string) {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 0, 4096), metricsLimit)
	var totals any
	for lines.Scan() {
		var line map[string]any
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue
		}
		totals = addUp(totals, line, nil)
		replaceFile(path, totals)
	}
}

// addUp returns the totals after a line: sums of what is counted, the newest of what is measured.
func addUp(totals, line any, path []string) any {
	switch line := line.(type) {
	case map[string]any:
		known, _ := totals.(map[string]any)
		sums := make(map[string]any, len(line))
		for name, value := range line {
			if len(path) < metricsDepth {
				sums[name] = addUp(known[name], value, append(path, name))
			}
		}
		return sums
	case float64:
		if known, ok := totals.(float64); ok && isCounted(path) {
			return known + line
		}
	}
	return line
}

// isCounted tells counters, which begin anew with each line, from what Firecracker itself keeps: times, and how often it
// had what ends it.
func isCounted(path []string) bool {
	switch path[0] {
	case "latencies_us", "seccomp", "signals":
		return false
	}
	name := path[len(path)-1]
	if name == "panic_count" {
		return false
	}
	return name == "sum_us" || !strings.HasSuffix(name, "_us") && !strings.HasSuffix(name, "_ms")
}
