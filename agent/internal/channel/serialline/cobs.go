package serialline

import "errors"

// delimiter stands before and after every record and, by the encoding, never inside one.
const delimiter = 0

// maxRun is the most bytes one code byte can announce.
const maxRun = 254

// encodedSize bounds what appendEncoded adds for n bytes, delimiters included.
func encodedSize(n int) int { return n + n/maxRun + 3 }

// appendEncoded appends record in Consistent Overhead Byte Stuffing between two delimiters: each zero is replaced by the
// distance to the next one.
func appendEncoded(to, record []byte) []byte {
	to = append(to, delimiter)
	code := len(to)
	to = append(to, 0)
	for i, b := range record {
		if b != delimiter {
			to = append(to, b)
		}
		if run := len(to) - code - 1; b == delimiter || run == maxRun && i < len(record)-1 {
			to[code] = byte(run + 1)
			code = len(to)
			to = append(to, 0)
		}
	}
	to[code] = byte(len(to) - code)
	return append(to, delimiter)
}

var errEncoding = errors.New("not an encoded record")

// decode undoes appendEncoded in place; encoded is what was between two delimiters.
func decode(encoded []byte) ([]byte, error) {
	out := encoded[:0]
	for len(encoded) > 0 {
		run := int(encoded[0]) - 1
		if run < 0 || run > len(encoded)-1 {
			return nil, errEncoding
		}
		out = append(out, encoded[1:1+run]...)
		encoded = encoded[1+run:]
		if run < maxRun && len(encoded) > 0 {
			out = append(out, delimiter)
		}
	}
	return out, nil
}
