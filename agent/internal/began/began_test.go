package began

import "testing"

func TestUptime(t *testing.T) {
	if now := uptimeMs(); UptimeMs <= 0 || now < UptimeMs || now-UptimeMs > 60_000 {
		t.Errorf("began at %d, now it is %d", UptimeMs, now)
	}
}
