// Package frame is the unit of all streams between host and guest (PROTOCOL.md §4): a kind (1 byte), a length (4 bytes,
// big endian), and that many bytes.
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Kind says what a frame carries.
type Kind byte

const (
	Stdout Kind = 1
	Stderr Kind = 2
	Exit   Kind = 3
	Gap    Kind = 4
	Data   Kind = 5
	End    Kind = 6
	Event  Kind = 7
	Taken  Kind = 8
	Pong   Kind = 9

	Stdin  Kind = 16
	EOF    Kind = 17
	Resize Kind = 18
	Signal Kind = 19
	Ping   Kind = 20
)

const (
	HeaderSize = 5
	// MaxSize is the largest payload in bytes.
	MaxSize = 64 << 10
)

// ErrInvalid is a stream that is not frames.
var ErrInvalid = errors.New("not a frame")

// PutHeader writes the header of a frame with a payload of length bytes.
func PutHeader(to []byte, kind Kind, length int) {
	to[0] = byte(kind)
	binary.BigEndian.PutUint32(to[1:], uint32(length))
}

// Append adds a frame to buf; payload has at most MaxSize bytes.
func Append(buf []byte, kind Kind, payload []byte) []byte {
	buf = append(buf, byte(kind))
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(payload)))
	return append(buf, payload...)
}

// Read takes the next frame. buffer, of MaxSize bytes, will hold the payload. io.EOF is an end between frames; what is
// no frame is ErrInvalid.
func Read(from io.Reader, buffer []byte) (Kind, []byte, error) {
	var header [HeaderSize]byte
	if _, err := io.ReadFull(from, header[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(header[1:])
	if length > MaxSize {
		return 0, nil, fmt.Errorf("%w: kind %d with %d bytes", ErrInvalid, header[0], length)
	}
	payload := buffer[:length]
	if _, err := io.ReadFull(from, payload); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return Kind(header[0]), payload, nil
}
