package run

// ids is the newest so many ids of commands.
type ids struct {
	limit int
	known map[string]struct{}
	order []string // a ring once it is full
	next  int
}

func newIDs(limit int) *ids {
	return &ids{limit: limit, known: map[string]struct{}{}}
}

func (s *ids) add(id string) {
	if s.has(id) {
		return
	}
	s.known[id] = struct{}{}
	if len(s.order) < s.limit {
		s.order = append(s.order, id)
		return
	}
	delete(s.known, s.order[s.next])
	s.order[s.next] = id
	s.next = (s.next + 1) % s.limit
}

func (s *ids) has(id string) bool {
	_, known := s.known[id]
	return known
}
