package httpapi

import (
	"context"
	"testing"
	"time"
)

func TestAClientIsGivenUpOnlyWhileItIsAnswered(t *testing.T) {
	deadlines := make(chan time.Time, 9)
	started, goOn := make(chan struct{}), make(chan struct{})
	c := newCut(func(deadline time.Time) error {
		close(started)
		<-goOn
		deadlines <- deadline
		return nil
	})
	client, leave := context.WithCancel(context.Background())
	over := c.whenGone(client)
	leave()
	<-started
	finished := make(chan struct{})
	go func() { over(); close(finished) }()
	select {
	case <-finished:
		t.Fatal("the handler returned while the request was touched")
	case <-time.After(20 * time.Millisecond):
	}
	close(goOn)
	<-finished
	c.now() // would close started once more
	if got := <-deadlines; len(deadlines) > 0 || !got.Equal(longAgo) {
		t.Errorf("got %v and %d more", got, len(deadlines))
	}
}
