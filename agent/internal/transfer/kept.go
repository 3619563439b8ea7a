package transfer

import "fmt"

// kept is the newest bytes of an archive. It takes the memory it needs, as long as grow allows it, and at most keptMost.
type kept struct {
	grow  func(more int) bool
	bytes []byte
	end   int64 // of the archive so far
	isMax bool
}

const (
	// firstKept is for archives of which there is not more; powers of two, both.
	firstKept = 64 << 10
	// keptMost is more than can be on its way: a batch of frames, the window of a stream, and what the host's supervisor, its
	// sockets and the client hold.
	keptMost = 4 << 20
)

// add takes at most firstKept bytes.
func (k *kept) add(data []byte) {
	for !k.isMax && k.end+int64(len(data)) > int64(len(k.bytes)) {
		more := max(firstKept, len(k.bytes))
		if len(k.bytes)+more > keptMost || len(k.bytes) > 0 && !k.grow(more) {
			k.isMax = true // from now on it is a ring
			break
		}
		// Nothing has been overwritten yet: each byte is where it is in the archive.
		k.bytes = append(k.bytes, make([]byte, more)...)
	}
	place := int(k.end % int64(len(k.bytes)))
	n := copy(k.bytes[place:], data)
	copy(k.bytes, data[n:])
	k.end += int64(len(data))
}

// reaches tells whether what follows a position is kept.
func (k *kept) reaches(position int64) bool {
	return position >= max(0, k.end-int64(len(k.bytes))) && position <= k.end
}

// from returns bytes from a position on, until more are added; none at the end.
func (k *kept) from(position int64) []byte {
	if !k.reaches(position) {
		panic(fmt.Sprintf("position %d is not kept, the end is %d", position, k.end))
	}
	if position == k.end {
		return nil
	}
	place := int(position % int64(len(k.bytes)))
	return k.bytes[place:min(len(k.bytes), place+int(k.end-position))]
}
