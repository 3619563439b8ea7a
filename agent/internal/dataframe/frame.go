// Package dataframe carries the bytes of a file or an archive as data frames and an end frame with their number and
// xxHash64 (PROTOCOL.md §4), so that a transfer that was cut off or damaged is never taken for a complete one.
package dataframe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// Kind says what a frame carries.
type Kind byte

const (
	KindData  Kind = 5
	KindEnd   Kind = 6
	KindEvent Kind = 7
)

const (
	headerSize = 5
	// MaxSize is the largest payload of a frame in bytes.
	MaxSize = 64 << 10
	// batch is how many full frames are read or written at once: system calls, not bytes, are what costs.
	batch = 4
)

var (
	// ErrBroken is a stream that ended, or could not be read, before its end frame.
	ErrBroken = errors.New("the data ended without its end frame")
	// ErrFormat is a stream that is not data frames and an end frame.
	ErrFormat = errors.New("the body is not frames of data")
	// ErrChecksum is a stream whose bytes are not those the end frame speaks of.
	ErrChecksum = errors.New("the data is not what its end frame says")
)

// end is the payload of the end frame.
type end struct {
	Bytes *int64 `json:"bytes"`
	XXH64 string `json:"xxh64"`
}

// Sum is how many bytes there were, and what they hash to. The zero value is of none.
type Sum struct {
	Bytes  int64
	digest xxhash.Digest
}

// Add takes bytes into it.
func (s *Sum) Add(data []byte) {
	if s.Bytes == 0 {
		s.digest.Reset()
	}
	s.Bytes += int64(len(data))
	s.digest.Write(data)
}

func checksum(digest *xxhash.Digest) string { return fmt.Sprintf("%016x", digest.Sum64()) }

type buffer [batch * (headerSize + MaxSize)]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func putHeader(to []byte, kind Kind, length int) {
	to[0] = byte(kind)
	binary.BigEndian.PutUint32(to[1:], uint32(length))
}

// Append adds a frame to buf; payload has at most MaxSize bytes.
func Append(buf []byte, kind Kind, payload []byte) []byte {
	buf = append(buf, byte(kind))
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(payload)))
	return append(buf, payload...)
}
