package supervise

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// watchedVM is a watchdog over a VM and a clock of the test's.
type watchedVM struct {
	*watchdog
	t      *testing.T
	uptime time.Duration
	cpu    time.Duration
	paused bool
}

func watchVM(t *testing.T, limits Limits) *watchedVM {
	t.Helper()
	directory := t.TempDir()
	config := Config{LimitsFile: filepath.Join(directory, "limits"), EnforcedFile: filepath.Join(directory, "enforced")}
	w := &watchedVM{t: t, uptime: time.Hour, watchdog: newWatchdog(config, 0, &activity{})}
	w.now = func() (moment, error) { return moment{time.UnixMilli(0), w.uptime, "boot"}, nil }
	w.used = func() (time.Duration, error) { return w.cpu, nil }
	w.watchdog.paused = func() bool { return w.paused }
	w.pause = func() error { w.paused = true; return nil }
	w.resume = func() error { w.paused = false; w.awake(); return os.Remove(config.EnforcedFile) }
	w.look = func(bool) {}
	w.limit(limits)
	w.awake()
	return w
}

func (w *watchedVM) limit(limits Limits) {
	body, _ := json.Marshal(limits)
	if err := os.WriteFile(w.config.LimitsFile, body, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// after lets time pass in which the VM used some of a processor.
func (w *watchedVM) after(passed, used time.Duration) *Enforced {
	w.uptime += passed
	w.cpu += used
	verdict, _ := w.step()
	return verdict
}

func (w *watchedVM) want(verdict *Enforced, cause, action string) {
	w.t.Helper()
	if verdict == nil || verdict.Cause != cause || verdict.Action != action {
		w.t.Fatalf("want %s by %s, got %+v", action, cause, verdict)
	}
	var written Enforced
	if body, err := os.ReadFile(w.config.EnforcedFile); err != nil || json.Unmarshal(body, &written) != nil || written != *verdict {
		w.t.Errorf("it is not written down: %s, %v", body, err)
	}
}

func (w *watchedVM) wantNone(verdict *Enforced) {
	w.t.Helper()
	if verdict != nil {
		w.t.Fatalf("want nothing, got %+v", verdict)
	}
}

const idleSecond = int64(time.Second / time.Millisecond)

func idleAfter(seconds int64, action string) Limits {
	return Limits{IdleTimeoutMs: seconds * idleSecond, OnIdle: action, IdleCPUPercent: 10}
}

func TestAVMThatDoesNothingIsIdleAfterItsTime(t *testing.T) {
	w := watchVM(t, idleAfter(10, "stop"))
	w.wantNone(w.after(9*time.Second, 100*time.Millisecond))
	w.want(w.after(2*time.Second, 0), "idle", "stop")
}

func TestClientsAndProcessorTimeKeepAVMAwake(t *testing.T) {
	w := watchVM(t, idleAfter(10, "stop"))
	leave := w.activity.enter()
	w.wantNone(w.after(60*time.Second, 0))
	leave()
	w.wantNone(w.after(time.Second, 0))
	w.wantNone(w.after(9*time.Second, 0))
	w.wantNone(w.after(2*time.Second, time.Second))
	if seen := w.idleness(); seen.CPUPercent != 50 || seen.IdleForMs != 0 || seen.Clients != 0 {
		t.Errorf("seen: %+v", seen)
	}
	w.wantNone(w.after(9*time.Second, 0))
	w.activity.enter()() // came and went between two looks
	w.wantNone(w.after(5*time.Second, 0))
	w.want(w.after(10*time.Second, 0), "idle", "stop")
}

func TestAPausedVMIsNotIdleAndItsTimeBeginsAnewWhenItGoesOn(t *testing.T) {
	w := watchVM(t, idleAfter(10, "pause"))
	w.want(w.after(11*time.Second, 0), "idle", "pause")
	w.wantNone(w.after(time.Hour, 0))
	w.paused = false
	w.awake()
	w.wantNone(w.after(9*time.Second, 0))
	w.want(w.after(2*time.Second, 0), "idle", "pause")
}

func TestWhoComesAsAVMIsPausedForIdlenessHasItGoOn(t *testing.T) {
	w := watchVM(t, idleAfter(10, "pause"))
	w.want(w.after(11*time.Second, 0), "idle", "pause")
	leave := w.activity.enter() // took it for awake
	if _, err := os.Stat(w.config.EnforcedFile); w.paused || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("paused: %v, %v", w.paused, err)
	}
	leave()
	pause := w.pause
	w.pause = func() error { leave = w.activity.enter(); return pause() } // came in the middle
	w.after(time.Second, 0)
	w.wantNone(w.after(11*time.Second, 0))
	if leave(); w.paused {
		t.Error("it stayed paused")
	}
}

func TestAVMThatCannotBePausedIsAsItWas(t *testing.T) {
	w := watchVM(t, idleAfter(10, "pause"))
	w.pause = func() error { return errors.New("no") }
	w.wantNone(w.after(11*time.Second, 0))
	if _, err := os.Stat(w.config.EnforcedFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it says that it was paused: %v", err)
	}
}

func TestTheTimeOfAVMIsOverWhateverItDoesAndAlsoWhilePaused(t *testing.T) {
	limits := Limits{ExpiresAtMs: 1, ExpiresUptimeMs: (time.Hour + time.Minute).Milliseconds(), BootID: "boot", OnTimeout: "delete"}
	w := watchVM(t, limits)
	defer w.activity.enter()()
	w.paused = true
	w.wantNone(w.after(59*time.Second, 59*time.Second))
	w.want(w.after(2*time.Second, 0), "timeout", "delete")
}

func TestLimitsChangeWhileTheVMRuns(t *testing.T) {
	w := watchVM(t, Limits{})
	w.wantNone(w.after(time.Hour, 0))
	w.limit(Limits{ExpiresAtMs: 1, ExpiresUptimeMs: w.uptime.Milliseconds() + 1000, BootID: "boot", OnTimeout: "pause"})
	w.wantNone(w.after(0, 0))
	w.want(w.after(time.Second, 0), "timeout", "pause")
	w.paused = false // and goes on: that limit has done its work
	w.wantNone(w.after(time.Hour, 0))
}

func TestAVMWhoseTimeIsOverIsEndedAndItIsWrittenDownWhy(t *testing.T) {
	now, err := hostMoment()
	if err != nil {
		t.Fatal(err)
	}
	limits := Limits{ExpiresAtMs: now.wall.UnixMilli(), ExpiresUptimeMs: now.uptime.Milliseconds() + 300, BootID: now.bootID, OnTimeout: "stop"}
	body, _ := json.Marshal(limits)
	path := filepath.Join(t.TempDir(), "limits.json")
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	s := startSupervisor(t, script("exec sleep 60"), func(c *Config) {
		c.LimitsFile, c.EnforcedFile, c.VitalsFile = path, "enforced.json", "vitals.json"
	})
	s.event("started")
	if event := s.event("exited"); event["requested"] != true || event["signal"] != "SIGTERM" {
		t.Errorf("got %v", event)
	}
	var enforced Enforced
	if err := json.Unmarshal([]byte(s.file("enforced.json")), &enforced); err != nil || enforced.Cause != "timeout" || enforced.Action != "stop" {
		t.Errorf("got %+v, %v", enforced, err)
	}
}
