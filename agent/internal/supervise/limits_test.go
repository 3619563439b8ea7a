package supervise

import (
	"testing"
	"time"
)

func TestTheTimeLeftIsByTheClockNobodySetsWithinOneBoot(t *testing.T) {
	limits := Limits{ExpiresAtMs: 1_000_000, ExpiresUptimeMs: 60_000, BootID: "this"}
	jumped := moment{time.UnixMilli(9_000_000), 50 * time.Second, "this"}
	if left, limited := limits.remaining(jumped); left != 10*time.Second || !limited {
		t.Errorf("with the time of day set forward: %v, %v", left, limited)
	}
	rebooted := moment{time.UnixMilli(999_000), 5 * time.Second, "another"}
	if left, _ := limits.remaining(rebooted); left != time.Second {
		t.Errorf("after a reboot: %v", left)
	}
	if _, limited := (Limits{}).remaining(rebooted); limited {
		t.Error("no limit is one")
	}
}
