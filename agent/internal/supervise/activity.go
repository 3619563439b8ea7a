package supervise

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// activity is what can be seen from the host of whether a VM does something; its guest has no say in it.
type activity struct {
	mu      sync.Mutex
	clients int
	came    bool   // a client came, or left, since the last look
	onEnter func() // called when a client comes
}

// enter notes a client until the function it returns is called.
func (a *activity) enter() (leave func()) {
	a.note(1)
	if a.onEnter != nil {
		a.onEnter()
	}
	return func() { a.note(-1) }
}

func (a *activity) note(change int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clients += change
	a.came = true
}

// present is how many clients there are now.
func (a *activity) present() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.clients
}

// look returns how many clients there are, and whether there was one at any time since the last look.
func (a *activity) look() (clients int, any bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	any = a.came || a.clients > 0
	a.came = false
	return a.clients, any
}

// ticksPerSecond is USER_HZ, which Linux shows every program as 100.
const ticksPerSecond = 100

// processorTime is what a process has used of the host's processors.
func processorTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	const userAfterName, systemAfterName = 14 - 3, 15 - 3
	if len(fields) <= systemAfterName {
		return 0, fmt.Errorf("/proc/%d/stat is too short", pid)
	}
	user, err := strconv.ParseInt(fields[userAfterName], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[systemAfterName], 10, 64)
	return time.Duration(user+system) * time.Second / ticksPerSecond, err
}
