package kmsg

// ring keeps the newest bytes of a text, whole lines only.
type ring struct {
	limit int
	bytes []byte
}

// add appends a line that ends in a newline and drops the oldest beyond the limit.
func (r *ring) add(line string) {
	r.bytes = append(r.bytes, line...)
	if len(r.bytes) <= r.limit {
		return
	}
	// Dropping a quarter at a time keeps the copying rare.
	kept := wholeLines(r.bytes, r.limit-r.limit/4)
	r.bytes = append(r.bytes[:0], kept...)
}

// newest is a copy of at most n of the newest bytes.
func (r *ring) newest(n int) []byte { return append([]byte(nil), wholeLines(r.bytes, n)...) }

// wholeLines is the end of text that has at most n bytes and begins with a line.
func wholeLines(text []byte, n int) []byte {
	if n >= len(text) {
		return text
	}
	for at := len(text) - n; at < len(text); at++ {
		if text[at-1] == '\n' {
			return text[at:]
		}
	}
	return nil
}
