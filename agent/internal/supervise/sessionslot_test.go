package supervise

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/yamux"
)

func newSession(t *testing.T) *yamux.Session {
	t.Helper()
	ours, theirs := net.Pipe()
	session, err := yamux.Client(ours, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close(); theirs.Close() })
	return session
}

func TestASessionThatHasEndedIsNotHandedOut(t *testing.T) {
	var slot sessionSlot
	ended, next := newSession(t), newSession(t)
	slot.set(ended)
	ended.Close()
	soon, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if got, err := slot.wait(soon); err == nil {
		t.Fatalf("got %v", got)
	}
	got := make(chan *yamux.Session)
	go func() {
		session, _ := slot.wait(context.Background())
		got <- session
	}()
	slot.set(next)
	if <-got != next {
		t.Error("got another session")
	}
}
