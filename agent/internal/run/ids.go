package run

import "time"

// ids is ids of commands, each for as long as a client may still come with it. There are never more than a limit.
type ids struct {
	limit int
	ttl   time.Duration
	known map[string]struct{}
	order []mark // oldest first
	// lossyUntil is how long one that should be known may not be
	lossyUntil time.Time
}

type mark struct {
	id   string
	when time.Time
}

func newIDs(limit int, ttl time.Duration) *ids {
	return &ids{limit: limit, ttl: ttl, known: map[string]struct{}{}}
}

// add forgets those whose time is over and, when there are too many, the oldest.
func (s *ids) add(id string, now time.Time) {
	if s.has(id) {
		return
	}
	s.forgetOld(now)
	if len(s.order) == s.limit {
		s.lossyUntil = s.order[0].when.Add(s.ttl)
		s.forgetFirst()
	}
	s.known[id] = struct{}{}
	s.order = append(s.order, mark{id, now})
}

func (s *ids) has(id string) bool {
	_, known := s.known[id]
	return known
}

// isComplete tells whether one that is not known was not added within the time.
func (s *ids) isComplete(now time.Time) bool { return !now.Before(s.lossyUntil) }

// isFull tells whether another can be added only at the cost of one.
func (s *ids) isFull(now time.Time) bool {
	s.forgetOld(now)
	return len(s.order) == s.limit
}

func (s *ids) forgetOld(now time.Time) {
	for len(s.order) > 0 && now.Sub(s.order[0].when) > s.ttl {
		s.forgetFirst()
	}
}

func (s *ids) forgetFirst() {
	delete(s.known, s.order[0].id)
	s.order = s.order[1:]
}
