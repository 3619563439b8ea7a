package run

import (
	"fmt"
	"testing"
)

func TestTheNewestIDsAreKnownAndNoMore(t *testing.T) {
	s := newIDs(3)
	for n := range 8 {
		s.add(fmt.Sprint(n))
		s.add(fmt.Sprint(n)) // takes no place twice
		for m := range 8 {
			if want := m <= n && m > n-3; s.has(fmt.Sprint(m)) != want {
				t.Errorf("after %d, %d is known: %v", n, m, !want)
			}
		}
	}
	if len(s.known) != 3 || len(s.order) != 3 {
		t.Errorf("it holds %d and %d", len(s.known), len(s.order))
	}
}
