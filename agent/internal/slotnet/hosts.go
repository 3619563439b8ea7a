package slotnet

import (
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

// hostsMax bounds the file, in bytes.
const hostsMax = 1 << 20

// hosts are the names of VMs in private networks, from a file that others replace whole.
type hosts struct {
	path    string
	mu      sync.Mutex
	changed time.Time
	names   map[string][]netip.Addr
}

// find returns the addresses of a VM by its name.
func (h *hosts) find(name string) ([]netip.Addr, bool) {
	if h.path == "" {
		return nil, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	info, err := os.Stat(h.path)
	if err != nil || info.Size() > hostsMax {
		return nil, false
	}
	if h.names == nil || !info.ModTime().Equal(h.changed) {
		body, err := os.ReadFile(h.path)
		names := map[string][]netip.Addr{}
		if err != nil || json.Unmarshal(body, &names) != nil {
			return nil, false
		}
		h.names, h.changed = names, info.ModTime()
	}
	addresses, ok := h.names[strings.ToLower(name)]
	return addresses, ok
}
