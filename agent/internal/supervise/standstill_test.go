package supervise

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// still is a machine that only stands still and goes on.
type still struct {
	machine
	isPaused bool
	onPause  func()
}

func (s *still) pause() error {
	s.isPaused = true
	s.onPause()
	return nil
}

func (s *still) resume() (string, error) {
	s.isPaused = false
	return "", nil
}

func (s *still) status() (string, error) {
	if s.isPaused {
		return statusPaused, nil
	}
	return statusRunning, nil
}

// recorded is a guest's port; all that the guest has taken is known.
type recorded struct {
	net.Conn
	mu    sync.Mutex
	taken []byte
}

// Read takes bytes and writes them down at once: nobody finds them taken and not known.
func (r *recorded) Read(p []byte) (n int, err error) {
	raw, err := r.Conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	p = p[:min(len(p), 10_000)]
	var failure error
	err = raw.Read(func(fd uintptr) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if n, failure = unix.Read(int(fd), p); failure == unix.EAGAIN {
			return false
		}
		n = max(0, n)
		r.taken = append(r.taken, p[:n]...)
		return true
	})
	if err = errors.Join(err, failure); err == nil && n == 0 {
		err = io.EOF
	}
	return max(0, n), err
}

func (r *recorded) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.taken)
}

// isWhole tells whether what was taken since the handshake ends where a frame does.
func (r *recorded) isWhole() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := 24
	for at+12 <= len(r.taken) {
		if r.taken[at+1] == 0 {
			at += int(binary.BigEndian.Uint32(r.taken[at+8:]))
		}
		at += 12
	}
	return at == len(r.taken)
}

func TestAMachineStandsStillBetweenFrames(t *testing.T) {
	var channel *holder
	r := startRelayWith(t, VirtioSerial, func(r *relay) { channel = &r.holder })
	port := &recorded{Conn: r.vmm()}
	r.guest(port, echo)
	client := r.client("CONNECT 52\n")
	accepted(t, client)
	done := make(chan struct{})
	go func() {
		defer close(done)
		exchange(t, client, 20<<20)
	}()
	machine := &still{}
	machine.onPause = func() {
		if !port.isWhole() {
			t.Error("it stands still in the middle of a frame")
		}
	}
	vm := &steady{machine: machine, channel: channel}
	for isDone := false; !isDone; {
		if err := vm.pause(); err != nil {
			t.Fatal(err)
		}
		before := port.size()
		select {
		case <-done:
			isDone = true
		case <-time.After(10 * time.Millisecond):
		}
		if port.size() != before {
			t.Error("it is sent something while it stands still")
		}
		if _, err := vm.resume(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
