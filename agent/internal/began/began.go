// Package began takes the time when the program began, after the Go runtime itself. It needs next to nothing, so that it is
// initialised before the packages that take their time.
package began

import (
	"syscall"
	"unsafe"
)

const clockBoottime = 7 // linux/time.h

// UptimeMs is when the program began, in ms since the kernel started.
var UptimeMs = uptimeMs()

func uptimeMs() int64 {
	var now syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano() / 1e6
}
