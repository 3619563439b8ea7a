package supervise

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"
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

func (r *recorded) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p[:min(len(p), 10_000)])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken = append(r.taken, p[:n]...)
	return n, err
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
	answer(t, client)
	done := make(chan struct{})
	go func() {
		defer close(done)
		exchange(t, client, 20<<20)
	}()
	machine := &still{}
	machine.onPause = func() {
		// The last read may just be being written down.
		for end := time.Now().Add(time.Second); !port.isWhole(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("it stands still in the middle of a frame")
			}
		}
	}
	vm := steady{machine, channel}
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
