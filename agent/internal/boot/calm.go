package boot

import (
	"fmt"
	"os"
)

// watchInterval is how often the runtime's own watching thread may wake while the agent works, in ns.
const watchInterval = "1000000"

// CalmRuntime lets the Go runtime's watching thread (sysmon) sleep longer than the 20 µs it asks for: on one emulated
// processor its waking costs more than what the agent does, 13 times in the life of a smallest call. It takes the
// processor from goroutines in long system calls that much later. Threads made from now on may inherit this; commands
// must not, see exec.
func CalmRuntime() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("let the runtime's threads sleep: %w", err)
	}
	for _, thread := range threads {
		if err := os.WriteFile("/proc/"+thread.Name()+"/timerslack_ns", []byte(watchInterval), 0); err != nil {
			return fmt.Errorf("let the runtime's threads sleep: %w", err)
		}
	}
	return nil
}
