package transfer

import "fmt"

// kept is the newest bytes of an archive. It takes the memory it needs, at most its limit, which is a power of two.
type kept struct {
	limit int
	bytes []byte
	end   int64 // of the archive so far
}

// firstKept is for archives of which there is not more.
const firstKept = 64 << 10

// add takes no more than half the limit at once.
func (k *kept) add(data []byte) {
	for k.end+int64(len(data)) > int64(len(k.bytes)) && len(k.bytes) < k.limit {
		// Nothing has been overwritten yet: each byte is where it is in the archive.
		k.bytes = append(k.bytes, make([]byte, max(firstKept, len(k.bytes)))...)
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
