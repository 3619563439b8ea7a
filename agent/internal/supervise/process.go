package supervise

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// awaitDeath returns when the child has died, leaving it to be collected: until then its pid is not reused.
func awaitDeath(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return
		}
	}
}

func signalName(signal syscall.Signal) string {
	if name := unix.SignalName(signal); name != "" {
		return name
	}
	return fmt.Sprintf("SIG%d", signal)
}

// surviveClients makes this process outlive its terminal and the reader of its output. Signals are received and
// dropped, not ignored: a VMM would inherit the latter.
func surviveClients() {
	dropped := make(chan os.Signal, 1)
	signal.Notify(dropped, syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE)
	go func() {
		for range dropped {
		}
	}()
}

// keepFilesPrivate lets no descriptor that this process was given reach the VMM.
func keepFilesPrivate() error {
	err := unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC)
	if err == unix.ENOSYS || err == unix.EINVAL {
		return nil // before Linux 5.11: whoever starts supervisors passes no descriptors
	}
	return os.NewSyscallError("close_range", err)
}

// lastDescendant follows a process through its only children to the one that has none, or several.
func lastDescendant(pid int) int {
	for {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		children := strings.Fields(string(content))
		if err != nil || len(children) != 1 {
			return pid
		}
		child, err := strconv.Atoi(children[0])
		if err != nil {
			return pid
		}
		pid = child
	}
}
