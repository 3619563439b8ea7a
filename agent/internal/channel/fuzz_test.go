package channel

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
)

// frame is a yamux frame with a body that is as long as it says, or not.
func frame(kind byte, flags uint16, stream, length uint32, body string) []byte {
	head := make([]byte, frameHeaderSize, frameHeaderSize+len(body))
	head[1] = kind
	binary.BigEndian.PutUint16(head[2:], flags)
	binary.BigEndian.PutUint32(head[4:], stream)
	binary.BigEndian.PutUint32(head[8:], length)
	return append(head, body...)
}

func seeds(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte(requestMagic))
	f.Add(frame(frameData, 0, 1, 3, "abc"))
	f.Add(frame(frameData, 0, 1, 1<<31, "abc"))
	f.Add(frame(frameWindow, flagSyn, 2, 1<<31, ""))
	f.Add(frame(2, 1, 0, 7, "")) // a ping
	f.Add(frame(3, 0, 0, 1, "")) // a farewell
	f.Add(append(frame(frameWindow, 2, 1, 256<<10, ""), frame(frameData, 4, 1, 2, "ok")...))
}

// FuzzFramesKeepToTheirBoundaries: what a session reads is what came, up to the first frame that is refused or asks for
// a new session; a body is never taken for a header.
func FuzzFramesKeepToTheirBoundaries(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		near, far := net.Pipe()
		defer near.Close()
		go func() {
			far.Write(input)
			far.Close()
		}()
		conn := &frames{link: NewLink(near), accept: acceptFromGuest}
		var got []byte
		for piece := make([]byte, 7); ; {
			n, err := conn.Read(piece)
			got = append(got, piece[:n]...)
			if err != nil {
				break
			}
		}
		if !bytes.HasPrefix(input, got) {
			t.Fatalf("%x became %x", input, got)
		}
		for rest := got; len(rest) >= frameHeaderSize; {
			head := rest[:frameHeaderSize]
			if head[0] != 0 || !acceptFromGuest(head) {
				t.Fatalf("the frame %x was let through", head)
			}
			rest = rest[frameHeaderSize:]
			if head[1] == frameData {
				rest = rest[min(len(rest), int(binary.BigEndian.Uint32(head[8:]))):]
			}
		}
	})
}

// FuzzAGuestCannotHarmTheHost: whatever comes instead of frames, the session serves on or ends, and a stream of it gets
// no more than its window.
func FuzzAGuestCannotHarmTheHost(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		near, far := net.Pipe()
		go io.Copy(io.Discard, far)
		session, err := NewLink(near).OpenSession()
		if err != nil {
			t.Fatal(err)
		}
		stream, err := session.OpenStream()
		if err != nil {
			t.Fatal(err)
		}
		far.SetWriteDeadline(time.Now().Add(10 * time.Second))
		far.Write(input)
		far.Close()
		got, _ := io.ReadAll(io.LimitReader(stream, hostWindow+1))
		if len(got) > hostWindow || len(got) > len(input) {
			t.Errorf("%d bytes came of %d", len(got), len(input))
		}
		session.Close()
		near.Close()
	})
}
