package exec

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Open files of a command: Docker's values. The soft limit is the one select(2) can live with.
const (
	commandSoftFiles = 1024
	commandHardFiles = 524288
)

// RaiseFileLimit lets the agent itself open as many files as a command may ask for. From then on commands get
// commandSoftFiles and commandHardFiles.
func RaiseFileLimit() error {
	// The runtime's own Setrlimit: it makes ForkExec leave limits alone.
	limit := syscall.Rlimit{Cur: commandHardFiles, Max: commandHardFiles}
	return os.NewSyscallError("setrlimit", syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
}

// lowerFileLimit gives the agent a command's soft limit, which a fork inherits, until the returned function is called.
// Files that are open already are not affected.
func lowerFileLimit() (restore func()) {
	var own unix.Rlimit
	if fileLimit(nil, &own) != nil || own.Max != commandHardFiles {
		return func() {}
	}
	fileLimit(&unix.Rlimit{Cur: commandSoftFiles, Max: own.Max}, nil)
	return func() { fileLimit(&own, nil) }
}

// fileLimit is prlimit(2) on this process, without the runtime noticing.
func fileLimit(set, get *unix.Rlimit) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(set)),
		uintptr(unsafe.Pointer(get)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
