package duplex

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/frame"
	"bandsox.dev/agent/internal/reap"
)

var reaper = reap.New(reap.OwnChildren)

// call runs a command for a client over a real socket; done is closed when the agent is finished with it.
func call(t testing.TB, command exec.Command) (host *net.UnixConn, done <-chan error) {
	t.Helper()
	path := t.TempDir() + "/s"
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	near, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	far, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	command.Stdin = true
	process, err := exec.Start(command, exec.Defaults{}, reaper)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		client := Serve(far.(*net.UnixConn), far, process)
		result, err := process.Deliver(client.Context(), client)
		if err == nil {
			err = client.TakeLast(exec.ExitFrame(result))
		}
		client.Leave()
		ended <- err
	}()
	t.Cleanup(func() { near.Close(); process.Kill() })
	near.SetDeadline(time.Now().Add(20 * time.Second))
	return near.(*net.UnixConn), ended
}

func shell(script string) exec.Command { return exec.Command{Argv: []string{"/bin/sh", "-c", script}} }

func send(t testing.TB, host io.Writer, kind frame.Kind, payload string) {
	t.Helper()
	if _, err := host.Write(frame.Append(nil, kind, []byte(payload))); err != nil {
		t.Fatal(err)
	}
}

// heard is what a host is told in a whole call.
type heard struct {
	stdout string
	exit   string
	taken  uint64
}

func hear(t testing.TB, host io.Reader) (h heard, err error) {
	t.Helper()
	buffer := make([]byte, frame.MaxSize)
	for {
		kind, payload, err := frame.Read(host, buffer)
		if err != nil {
			return h, err
		}
		if h.exit != "" {
			t.Errorf("kind %d after the exit", kind)
		}
		switch kind {
		case frame.Stdout:
			h.stdout += string(payload)
		case frame.Taken:
			h.taken = binary.BigEndian.Uint64(payload)
		case frame.Exit:
			h.exit = string(payload)
		}
	}
}

func TestStdinGoesInAndOutputComesOut(t *testing.T) {
	host, done := call(t, shell("cat; echo over; exit 3"))
	send(t, host, frame.Stdin, "one ")
	send(t, host, frame.Stdin, "two ")
	send(t, host, frame.EOF, "")
	h, err := hear(t, host)
	if err != io.EOF || h.stdout != "one two over\n" || h.exit != `{"exitCode":3,"timedOut":false}` || h.taken != 8 {
		t.Errorf("got %+v, %v", h, err)
	}
	host.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestASignalArrivesThoughTheCommandReadsNothing(t *testing.T) {
	host, _ := call(t, exec.Command{Argv: []string{"sleep", "60"}})
	piece := strings.Repeat("x", frame.MaxSize)
	for range window / frame.MaxSize {
		send(t, host, frame.Stdin, piece)
	}
	send(t, host, frame.Signal, `{"signal":"SIGTERM"}`)
	if h, err := hear(t, host); err != io.EOF || !strings.Contains(h.exit, "SIGTERM") {
		t.Errorf("got %+v, %v", h, err)
	}
}

func TestAClientsLeavingIsNoticedThoughTheCommandReadsNothing(t *testing.T) {
	host, done := call(t, exec.Command{Argv: []string{"sleep", "60"}})
	piece := strings.Repeat("x", frame.MaxSize)
	for range window / frame.MaxSize {
		send(t, host, frame.Stdin, piece)
	}
	host.Close()
	select {
	case err := <-done:
		if !errors.Is(err, ErrLeft) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the command still runs")
	}
}

func TestAClientThatDoesNotReadIsLeftWhenItGoes(t *testing.T) {
	host, done := call(t, shell("cat /dev/zero"))
	time.Sleep(20 * time.Millisecond) // its output fills the socket
	host.Close()
	if err := <-done; err == nil {
		t.Error("nothing was amiss")
	}
}

func TestAClientThatBreaksTheProtocolEndsItsCommand(t *testing.T) {
	piece := strings.Repeat("x", frame.MaxSize)
	overfull := ""
	for range window/frame.MaxSize + 2 {
		overfull += string(frame.Append(nil, frame.Stdin, []byte(piece)))
	}
	for name, bytes := range map[string]string{
		"unknown kind":      string(frame.Append(nil, 99, nil)),
		"output":            string(frame.Append(nil, frame.Stdout, []byte("x"))),
		"empty stdin":       string(frame.Append(nil, frame.Stdin, nil)),
		"end with bytes":    string(frame.Append(nil, frame.EOF, []byte("x"))),
		"stdin after end":   string(frame.Append(frame.Append(nil, frame.EOF, nil), frame.Stdin, []byte("x"))),
		"too long":          "\x10\x00\x01\x00\x01",
		"no signal":         string(frame.Append(nil, frame.Signal, []byte(`{"signal":"SIGNONE"}`))),
		"no size":           string(frame.Append(nil, frame.Resize, []byte(`{"cols":0,"rows":1}`))),
		"not JSON":          string(frame.Append(nil, frame.Resize, []byte(`{`))),
		"more than JSON":    string(frame.Append(nil, frame.Signal, []byte(`{"signal":"SIGINT"}{}`))),
		"beyond the window": overfull,
	} {
		host, done := call(t, exec.Command{Argv: []string{"sleep", "60"}})
		host.Write([]byte(bytes))
		if h, err := hear(t, host); err == nil || h.exit != "" {
			t.Errorf("%s: got %+v, %v", name, h, err)
		}
		if err := <-done; !errors.Is(err, ErrLeft) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestWhatStillComesAfterTheExitDoesNotHideIt(t *testing.T) {
	for range 50 {
		host, done := call(t, shell("read line; exit 4"))
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			host.Write(frame.Append(nil, frame.Stdin, []byte("go\n")))
			for range 100 {
				if _, err := host.Write(frame.Append(nil, frame.Stdin, make([]byte, 1000))); err != nil {
					return
				}
			}
		}()
		<-sent
		if h, err := hear(t, host); err != io.EOF || h.exit != `{"exitCode":4,"timedOut":false}` {
			t.Fatalf("got %+v, %v", h, err)
		}
		host.Close()
		<-done
	}
}

func FuzzAClientCannotHarmTheAgent(f *testing.F) {
	f.Add([]byte("\x10\x00\x00\x00\x01x\x11\x00\x00\x00\x00"))
	f.Add([]byte("\x13\x00\x00\x00\x13{\"signal\":\"SIGINT\"}"))
	f.Add(frame.Append(nil, frame.Resize, []byte(`{"cols":80,"rows":24}`)))
	process, err := exec.Start(exec.Command{Argv: []string{"cat"}, Stdin: true}, exec.Defaults{}, reaper)
	if err != nil {
		f.Fatal(err)
	}
	go process.Deliver(context.Background(), discard{})
	f.Cleanup(process.Kill)
	f.Fuzz(func(t *testing.T, sent []byte) {
		in := NewInput(quiet{process})
		buffer := make([]byte, frame.MaxSize)
		reader := strings.NewReader(string(sent))
		for {
			kind, payload, err := frame.Read(reader, buffer)
			if err == nil {
				err = in.accept(kind, payload)
			}
			if err != nil {
				break
			}
		}
		if in.size > window {
			t.Errorf("%d bytes wait", in.size)
		}
	})
}

// quiet is a process nobody can signal.
type quiet struct{ *exec.Process }

func (quiet) Signal(syscall.Signal) {}

type discard struct{}

func (discard) Take([]byte) error { return nil }

// fullConn takes nothing until it is given up.
type fullConn struct {
	*io.PipeReader
	writing chan struct{}
	given   chan struct{}
	once    sync.Once
}

func (c *fullConn) Write([]byte) (int, error) {
	close(c.writing)
	<-c.given
	return 0, errors.New("given up")
}
func (c *fullConn) CloseWrite() error               { return nil }
func (c *fullConn) SetReadDeadline(time.Time) error { return nil }
func (c *fullConn) SetWriteDeadline(time.Time) error {
	c.once.Do(func() { close(c.given) })
	return nil
}

func TestAClientThatTakesNothingAsItBeginsIsCut(t *testing.T) {
	in := NewInput(nil)
	if err := in.add([]byte("taken")); err != nil {
		t.Fatal(err)
	}
	in.report(len("taken"))
	from, _ := io.Pipe()
	conn := &fullConn{PipeReader: from, writing: make(chan struct{}), given: make(chan struct{})}
	client := ServeInput(conn, from, in)
	go client.Begin()
	<-conn.writing
	cut := make(chan struct{})
	go func() { client.Cut(); close(cut) }()
	select {
	case <-cut:
	case <-time.After(10 * time.Second):
		t.Error("it waits for a write that nobody takes")
	}
}
