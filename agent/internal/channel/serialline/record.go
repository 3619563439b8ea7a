package serialline

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// PayloadLimit is the most bytes one record carries.
const PayloadLimit = 4 << 10

// kind tells what a record is for.
type kind byte

const (
	kindData   kind = 1 // bytes of the session
	kindSync   kind = 2 // a message of the handshake; numbering starts over with it
	kindProbe  kind = 3 // host to guest: is everything there?
	kindStatus kind = 4 // guest to host: the answer
)

// A record is kind (1 byte), number (4), payload, CRC-32 of all that (4), big endian. Data and sync records are numbered
// one after the other; a probe or status bears the number the next one will have.
const (
	headSize   = 5
	sumSize    = 4
	recordSize = headSize + PayloadLimit + sumSize
)

type record struct {
	kind    kind
	number  uint32
	payload []byte
}

// appendRecord appends a record as it is sent.
func appendRecord(to []byte, r record) []byte {
	plain := make([]byte, 0, recordSize)
	plain = append(plain, byte(r.kind))
	plain = binary.BigEndian.AppendUint32(plain, r.number)
	plain = append(plain, r.payload...)
	plain = binary.BigEndian.AppendUint32(plain, crc32.ChecksumIEEE(plain))
	return appendEncoded(to, plain)
}

var errRecord = errors.New("not a record")

// parseRecord reads what was between two delimiters, which it overwrites; the payload is a part of it.
func parseRecord(encoded []byte) (record, error) {
	plain, err := decode(encoded)
	if err != nil {
		return record{}, err
	}
	if len(plain) < headSize+sumSize || len(plain) > recordSize {
		return record{}, errRecord
	}
	body := plain[:len(plain)-sumSize]
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(plain[len(body):]) {
		return record{}, errRecord
	}
	r := record{kind: kind(body[0]), number: binary.BigEndian.Uint32(body[1:]), payload: body[headSize:]}
	if r.kind < kindData || r.kind > kindStatus {
		return record{}, errRecord
	}
	return r, nil
}

// question is the payload of a probe: the host's mark. A line that is set to hand over whole lines of text does so at
// the newline, and so the guest notices.
func question(mark uint32) []byte { return append(binary.BigEndian.AppendUint32(nil, mark), '\n') }

// reply is the payload of a status: the mark of the probe, 0 without one, and whether nothing was lost.
func reply(probe []byte, whole bool) []byte {
	answer := make([]byte, replySize)
	copy(answer[:replySize-1], probe)
	if whole {
		answer[replySize-1] = 1
	}
	return answer
}

const replySize = 5

// parseReply undoes reply.
func parseReply(payload []byte) (mark uint32, whole, ok bool) {
	if len(payload) != replySize {
		return 0, false, false
	}
	return binary.BigEndian.Uint32(payload), payload[4] == 1, true
}
