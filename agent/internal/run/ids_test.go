package run

import (
	"fmt"
	"testing"
	"time"
)

func TestIDsAreKnownForTheirTimeAndOnesThatMadeRoomAreNotDenied(t *testing.T) {
	s := newIDs(3, time.Minute)
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	for n := range 3 {
		s.add(fmt.Sprint(n), at(n))
		s.add(fmt.Sprint(n), at(n)) // takes no place twice
	}
	if !s.has("0") || !s.isComplete(at(3)) || !s.isFull(at(3)) {
		t.Error("it does not hold what it can")
	}
	s.add("3", at(10))
	if s.has("0") || !s.has("3") || s.isComplete(at(59)) || !s.isComplete(at(60)) {
		t.Error("one that was forgotten before its time is denied")
	}
	if s.isFull(at(65)) || s.has("1") || !s.has("3") {
		t.Error("those whose time is over take room")
	}
	s.add("4", at(200))
	if s.has("3") || len(s.known) != 1 || len(s.order) != 1 {
		t.Errorf("it holds %v", s.order)
	}
}
