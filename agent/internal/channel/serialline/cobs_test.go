package serialline

import (
	"bytes"
	"testing"
)

func checkEncoding(t *testing.T, plain []byte) {
	t.Helper()
	encoded := appendEncoded(nil, plain)
	if len(encoded) > encodedSize(len(plain)) {
		t.Fatalf("%d bytes became %d, more than %d", len(plain), len(encoded), encodedSize(len(plain)))
	}
	inner := encoded[1 : len(encoded)-1]
	if bytes.IndexByte(inner, delimiter) >= 0 {
		t.Fatalf("%x: a delimiter inside", encoded)
	}
	got, err := decode(inner)
	if err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("%x became %x, %v", plain, got, err)
	}
}

func TestEveryLengthSurvivesTheEncoding(t *testing.T) {
	for n := range 800 {
		checkEncoding(t, bytes.Repeat([]byte{0}, n))
		checkEncoding(t, bytes.Repeat([]byte{255}, n))
		checkEncoding(t, append(bytes.Repeat([]byte{1}, n), 0))
		checkEncoding(t, append(bytes.Repeat([]byte{1}, n), 0, 7))
	}
}

func FuzzEncoding(f *testing.F) {
	f.Add([]byte("a\x00b"))
	f.Add(bytes.Repeat([]byte{9}, 600))
	f.Fuzz(func(t *testing.T, plain []byte) {
		checkEncoding(t, plain)
		decode(bytes.Clone(plain)) // arbitrary input must not panic
		parseRecord(bytes.Clone(plain))
	})
}
