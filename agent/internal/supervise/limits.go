package supervise

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Limits are how long a VM may run, and how long it may do nothing. Zero values mean no limit.
type Limits struct {
	// ExpiresAtMs is when its time is over, in ms since 1970
	ExpiresAtMs int64 `json:"expiresAtMs"`
	// ExpiresUptimeMs is the same moment in ms since the boot named by BootID; within that boot it alone counts, since
	// the time of day may be set
	ExpiresUptimeMs int64  `json:"expiresUptimeMs"`
	BootID          string `json:"bootId"`
	OnTimeout       string `json:"onTimeout"`
	IdleTimeoutMs   int64  `json:"idleTimeoutMs"`
	OnIdle          string `json:"onIdle"`
	// IdleCPUPercent is how much of one processor an idle VM may use
	IdleCPUPercent float64 `json:"idleCpuPercent"`
}

// readLimits reads the limits as they are now; a VM without the file has none.
func readLimits(path string) (Limits, error) {
	body, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Limits{}, nil
	}
	if err != nil {
		return Limits{}, err
	}
	var limits Limits
	return limits, json.Unmarshal(body, &limits)
}

// moment is a time by both clocks of the host: the one of the day, and the one since boot, which nobody sets and which
// goes on while the host sleeps.
type moment struct {
	wall   time.Time
	uptime time.Duration
	bootID string
}

func hostMoment() (moment, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return moment{}, err
	}
	var since unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &since); err != nil {
		return moment{}, os.NewSyscallError("clock_gettime", err)
	}
	return moment{time.Now(), time.Duration(since.Nano()), strings.TrimSpace(string(boot))}, nil
}

// remaining is the time a VM still has; false when it is not limited.
func (l Limits) remaining(now moment) (time.Duration, bool) {
	if l.ExpiresAtMs == 0 {
		return 0, false
	}
	if l.BootID == now.bootID {
		return time.Duration(l.ExpiresUptimeMs)*time.Millisecond - now.uptime, true
	}
	return time.Duration(l.ExpiresAtMs-now.wall.UnixMilli()) * time.Millisecond, true
}

func (l Limits) idleTimeout() time.Duration { return time.Duration(l.IdleTimeoutMs) * time.Millisecond }
