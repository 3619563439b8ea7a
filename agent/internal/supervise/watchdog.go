package supervise

import (
	"errors"
	"os"
	"sync"
	"time"
)

const (
	// lookEvery is how often a VM is looked at at least: a host that slept, and limits nobody told of, are noticed then.
	lookEvery = 10 * time.Second
	// idleLooks is into how many parts the time a VM may be idle is cut.
	idleLooks = 4
	// idleLookMin keeps short times from being looked at all the time.
	idleLookMin = 500 * time.Millisecond
	// measureMin is the shortest time over which processor time, which comes in ticks of 10 ms, says something.
	measureMin = 250 * time.Millisecond
	// busyPercent is how much of a processor a guest uses whose state is worth asking for.
	busyPercent = 5
)

// Enforced is what was done to a VM because of its limits, written down before it is done.
type Enforced struct {
	Action string    `json:"action"` // pause, stop or delete
	Cause  string    `json:"cause"`  // timeout or idle
	At     time.Time `json:"at"`
}

// idleness is what keeps a VM awake, as far as the host sees it.
type idleness struct {
	IdleForMs  int64   `json:"idleForMs"`
	Clients    int     `json:"clients"`
	CPUPercent float64 `json:"cpuPercent"` // of one processor, since the look before
}

// watchdog holds a VM to its limits, whoever else is there or not.
type watchdog struct {
	config   Config
	activity *activity
	used     func() (time.Duration, error) // the VMM's processor time
	now      func() (moment, error)
	pause    func() error
	resume   func() error
	paused   func() bool
	look     func(busy bool) // at the guest, once a look
	asked    chan struct{}

	mu         sync.Mutex
	enforced   int64 // the ExpiresAtMs that was enforced
	lastUsed   time.Duration
	lastLook   moment
	lastActive time.Duration // by uptime
	seen       idleness
	resting    bool // paused because it was idle
}

// newWatchdog watches over a VMM. What needs a monitor is set by who has one; without it nothing can be paused.
func newWatchdog(config Config, pid int, seen *activity) *watchdog {
	w := &watchdog{
		config: config, activity: seen, now: hostMoment, asked: make(chan struct{}, 1),
		used:   func() (time.Duration, error) { return processorTime(pid) },
		pause:  func() error { return errNoMonitor },
		resume: func() error { return errNoMonitor },
		paused: func() bool { return false },
	}
	w.look = func(busy bool) {
		if busy {
			keepVitals(config)
		}
	}
	seen.onEnter = w.wake
	return w
}

var errNoMonitor = errors.New("the VMM has no monitor")

// run returns what is to be done to the VM that ends it, once that is written down; or nothing when ended closes.
func (w *watchdog) run(ended <-chan struct{}) *Enforced {
	w.awake()
	for {
		verdict, wait := w.step()
		if verdict != nil && verdict.Action != "pause" {
			return verdict
		}
		select {
		case <-time.After(wait):
		case <-w.asked:
		case <-ended:
			return nil
		}
	}
}

// awake begins to count the time without activity anew.
func (w *watchdog) awake() {
	now, err := w.now()
	used, usedErr := w.used()
	if err != nil || usedErr != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastUsed, w.lastLook, w.lastActive, w.seen, w.resting = used, now, now.uptime, idleness{}, false
}

// wake lets a VM go on that was paused because it was idle: somebody came who took it for awake.
func (w *watchdog) wake() {
	w.mu.Lock()
	resting := w.resting
	w.resting = false
	w.mu.Unlock()
	if resting {
		w.resume()
	}
}

// ask has the limits read again now.
func (w *watchdog) ask() {
	select {
	case w.asked <- struct{}{}:
	default:
	}
}

// step looks once. What cannot be read now is looked at the next time.
func (w *watchdog) step() (*Enforced, time.Duration) {
	limits, err := readLimits(w.config.LimitsFile)
	now, nowErr := w.now()
	used, usedErr := w.used()
	if err != nil || nowErr != nil || usedErr != nil {
		return nil, lookEvery
	}
	wait := lookEvery
	paused := limits.IdleTimeoutMs > 0 && w.paused()
	w.mu.Lock()
	w.measure(now, used, limits.IdleCPUPercent)
	if paused {
		w.lastActive = now.uptime
	}
	busy := w.seen.CPUPercent > busyPercent
	left, limited := limits.remaining(now)
	limited = limited && limits.ExpiresAtMs != w.enforced
	idleLeft := limits.idleTimeout() - time.Duration(w.seen.IdleForMs)*time.Millisecond
	w.mu.Unlock()
	w.look(busy)
	if limited && left <= 0 {
		return w.enforce(Enforced{limits.OnTimeout, "timeout", now.wall.UTC()}, limits), lookEvery
	}
	if limited {
		wait = min(wait, left)
	}
	if limits.IdleTimeoutMs > 0 && !paused {
		if idleLeft <= 0 {
			return w.enforce(Enforced{limits.OnIdle, "idle", now.wall.UTC()}, limits), lookEvery
		}
		wait = min(wait, idleLeft, max(limits.idleTimeout()/idleLooks, idleLookMin))
	}
	return nil, max(wait, time.Millisecond)
}

// measure notes what the VM did since the last look.
func (w *watchdog) measure(now moment, used time.Duration, idlePercent float64) {
	clients, any := w.activity.look()
	if passed := now.uptime - w.lastLook.uptime; passed >= measureMin {
		w.seen.CPUPercent = 100 * float64(used-w.lastUsed) / float64(passed)
		w.lastUsed, w.lastLook = used, now
	}
	if any || w.seen.CPUPercent > idlePercent {
		w.lastActive = now.uptime
	}
	w.seen.Clients = clients
	w.seen.IdleForMs = (now.uptime - w.lastActive).Milliseconds()
}

// enforce writes down what is to be done, and does it if the VM lives on with it. What cannot be written down is not
// done yet.
func (w *watchdog) enforce(verdict Enforced, limits Limits) *Enforced {
	if verdict.Action == "pause" && w.paused() {
		w.settle(verdict, limits)
		return nil
	}
	if err := writeRecord(w.config.EnforcedFile, verdict); err != nil {
		return nil
	}
	if verdict.Action == "pause" && !w.rest(verdict) {
		return nil
	}
	w.settle(verdict, limits)
	return &verdict
}

// rest pauses the VM, and returns whether it stays so: a client that came meanwhile has it go on.
func (w *watchdog) rest(verdict Enforced) bool {
	if err := w.pause(); err != nil {
		os.Remove(w.config.EnforcedFile)
		return false
	}
	w.mu.Lock()
	w.resting = verdict.Cause == "idle"
	w.mu.Unlock()
	if verdict.Cause == "idle" && w.activity.present() > 0 {
		w.wake()
		return false
	}
	tell(w.config.SignalFile)
	return true
}

func (w *watchdog) settle(verdict Enforced, limits Limits) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if verdict.Cause == "timeout" {
		w.enforced = limits.ExpiresAtMs
	}
}

// idleness is what was seen last, with the time that has passed since.
func (w *watchdog) idleness() idleness {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	if now, err := w.now(); err == nil {
		seen.IdleForMs = max(0, now.uptime-w.lastActive).Milliseconds()
	}
	seen.Clients = w.activity.present()
	return seen
}

// tell wakes whoever looks after the storage. A storage that is not looked after has no such file.
func tell(path string) {
	now := time.Now()
	os.Chtimes(path, now, now)
}
