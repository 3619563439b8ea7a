// Package boot is what happens between the kernel starting /init and the agent serving: the kernel's file systems,
// modules, the loopback interface and the port to the host; and, at the end, turning the machine off.
package boot

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Console is the agent's only log: the guest's console, which the host records.
type Console struct{ file *os.File }

// OpenConsole opens /dev/console, or falls back to what the kernel gave as stderr.
func OpenConsole() *Console {
	file, err := os.OpenFile("/dev/console", os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		file = os.Stderr
	}
	return &Console{file: file}
}

// Printf writes one line, prefixed `agent: `.
func (c *Console) Printf(format string, args ...any) {
	fmt.Fprintf(c.file, "agent: "+format+"\n", args...)
}

// UptimeMs is the time since the kernel started, pauses included, in milliseconds.
func UptimeMs() int64 {
	var now unix.Timespec
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
	return now.Nano() / 1e6
}

// KernelRelease is `uname -r`.
func KernelRelease() string {
	var name unix.Utsname
	unix.Uname(&name)
	return unix.ByteSliceToString(name.Release[:])
}
