package supervise

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"
)

// metricsLimit bounds one line of metrics, in bytes.
const metricsLimit = 256 << 10

// metricsDepth bounds how deep they are nested; Firecracker's are at most three deep.
const metricsDepth = 8

// meter keeps in a file what a Firecracker has counted in all. Each line it writes says what it has counted since the line
// before.
type meter struct {
	path   string
	mu     sync.Mutex
	totals any
	added  chan struct{} // closed when a line was added
}

func newMeter(path string) *meter { return &meter{path: path, added: make(chan struct{})} }

// keep reads lines until their end.
func (m *meter) keep(from io.Reader) {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 0, 4096), metricsLimit)
	for lines.Scan() {
		var line map[string]any
		if json.Unmarshal(lines.Bytes(), &line) == nil {
			m.add(line)
		}
	}
}

func (m *meter) add(line map[string]any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.totals = addUp(m.totals, line, nil)
	replaceFile(m.path, m.totals)
	close(m.added)
	m.added = make(chan struct{})
}

// after returns the totals once a line was added that was asked for by flush; those before it when none comes.
func (m *meter) after(flush func() error, limit time.Duration) (any, error) {
	m.mu.Lock()
	added := m.added
	m.mu.Unlock()
	if err := flush(); err != nil {
		return nil, err
	}
	select {
	case <-added:
	case <-time.After(limit):
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.totals, nil
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
