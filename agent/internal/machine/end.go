package machine

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	// How often the end of all processes is looked for while powering off.
	endPoll = 5 * time.Millisecond
	// How long killed processes may take to disappear.
	killWait = 2 * time.Second
)

// Processes tells whether any process but the agent is left.
type Processes interface{ Childless() bool }

// Stop ends all processes, politely first for as long as grace, and finishes the layer's writes. The machine can only
// be turned off after it. Only PID 1 may call it: it signals every other process there is.
func (m *Machine) Stop(processes Processes, grace time.Duration) {
	unix.Kill(-1, unix.SIGTERM)
	if !awaitChildless(processes, grace) {
		unix.Kill(-1, unix.SIGKILL)
		awaitChildless(processes, killWait)
	}
	m.mu.RLock()
	layer := m.layer
	m.mu.RUnlock()
	if layer == nil {
		unix.Sync()
		return
	}
	if err := settle(layer); err != nil {
		m.log.Printf("%v", err)
	}
}

func awaitChildless(processes Processes, limit time.Duration) bool {
	for end := time.Now().Add(limit); ; time.Sleep(endPoll) {
		if processes.Childless() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}
