package httpapi

import (
	"os"
	"testing"
	"time"
)

func awaitGone(t *testing.T, what, pid string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat("/proc/" + pid); err != nil {
			return
		}
	}
	t.Errorf("%s: process %s still runs", what, pid)
}

func TestCommandsBeyondTheLimitAreRefused(t *testing.T) {
	client := serveAPI(t, &fakeMachine{true}, nil)["HTTP/2.0"]
	for range execLimit {
		startExec(t, client, "sleep 20")
	}
	status, answer := call(t, client, "POST", "/v1/exec", `{"argv":["true"]}`)
	if status != 429 || answer["code"] != "exec_busy" {
		t.Errorf("got %d %v", status, answer)
	}
}
