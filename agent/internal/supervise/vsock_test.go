package supervise

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bandsox.dev/agent/internal/channel"
	"bandsox.dev/agent/internal/channel/serialline"
)

// vsockVMM is a VMM's vsock socket, whose guest echoes, refuses or says nothing, and a serial line with an agent on it.
type vsockVMM struct {
	t        *testing.T
	guest    *vsockGuest
	client   func() *net.UnixConn
	ready    chan struct{}
	recorded chan Transport
	behave   chan func(net.Conn) // how the next connections are served
}

func startVsock(t *testing.T, patience time.Duration, behave func(net.Conn)) *vsockVMM {
	t.Helper()
	directory := t.TempDir()
	config := Config{Transport: Vsock, AgentSocket: filepath.Join(directory, "a"), ObserverSocket: filepath.Join(directory, "o"),
		Firecracker: &FirecrackerConfig{VsockSocket: filepath.Join(directory, "v"), TransportFile: filepath.Join(directory, "t"),
			VsockPatienceMs: patience.Milliseconds(), ReadyPatienceMs: patience.Milliseconds()}}
	log, err := openLog(filepath.Join(directory, "log"), 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	line, stdin, err := newSerialSide(log)
	if err != nil {
		t.Fatal(err)
	}
	agentOnSerialLine(t, line, stdin)
	v := &vsockVMM{t: t, ready: make(chan struct{}), recorded: make(chan Transport, 1), behave: make(chan func(net.Conn), 1)}
	v.listen(config.Firecracker.VsockSocket, behave)
	v.guest, err = reachGuest(config, line, func() { close(v.ready) }, log)
	if err != nil {
		t.Fatal(err)
	}
	v.guest.record = func(transport Transport, _ string) error { v.recorded <- transport; return nil }
	v.client = func() *net.UnixConn {
		conn, err := net.Dial("unix", config.AgentSocket)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		io.WriteString(conn, "CONNECT 52\n")
		return conn.(*net.UnixConn)
	}
	v.guest.relay.serve()
	v.guest.serve()
	t.Cleanup(func() {
		v.guest.close()
		line.Close()
		log.close()
	})
	return v
}

func (v *vsockVMM) listen(path string, behave func(net.Conn)) {
	listener, err := net.Listen("unix", path)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			select {
			case behave = <-v.behave:
			default:
			}
			go behave(conn)
		}
	}()
}

// agentOnSerialLine serves the guest's end of a serial line: what the VMM reads and prints.
func agentOnSerialLine(t *testing.T, line *serialSide, stdin *os.File) {
	printed, print, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go line.fill(printed)
	t.Cleanup(func() { print.Close(); stdin.Close() })
	go func() {
		guest := serialline.NewGuest(&ends{stdin, print}, func() {})
		link := channel.NewLink(guest)
		for err := link.AnswerSync(); err == nil; err = link.AnswerSync() {
			if session, err := link.ServeSession(); err == nil {
				acceptStreams(session, echo)
				session.Close()
			}
		}
	}()
}

type ends struct{ in, out *os.File }

func (e *ends) Read(p []byte) (int, error)    { return e.in.Read(p) }
func (e *ends) Write(p []byte) (int, error)   { return e.out.Write(p) }
func (e *ends) SetDeadline(t time.Time) error { return e.in.SetReadDeadline(t) }

func echoing(conn net.Conn) {
	reader := bufio.NewReader(conn)
	if line, err := reader.ReadString('\n'); err != nil || line != "CONNECT 52\n" {
		conn.Close()
		return
	}
	fmt.Fprint(conn, "OK 1073741824\n")
	io.Copy(conn, reader)
	conn.(*net.UnixConn).CloseWrite()
}

func silent(net.Conn) {}

func await[T any](t *testing.T, from <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-from:
	case <-time.After(20 * time.Second):
		t.Fatal("it did not come")
	}
	return got
}

func TestConnectionsTakeTheWayThroughVsock(t *testing.T) {
	v := startVsock(t, time.Minute, echoing)
	await(t, v.ready)
	client := v.client()
	accepted(t, client)
	exchange(t, client, 3<<20)
	if warning := v.guest.prove(); warning != "" {
		t.Errorf("got %q", warning)
	}
}

func TestAGuestThatRefusesIsWaitedForUntilItListens(t *testing.T) {
	v := startVsock(t, time.Minute, func(conn net.Conn) { conn.Close() })
	v.behave <- echoing
	await(t, v.ready)
}

func TestTheSerialLineTakesThePlaceOfAVsockThatIsDead(t *testing.T) {
	v := startVsock(t, 300*time.Millisecond, echoing)
	await(t, v.ready)
	v.behave <- silent
	waiting := v.client() // it waits for a guest that will not answer
	if warning := v.guest.prove(); !strings.Contains(warning, "vsock is dead") {
		t.Fatalf("got %q", warning)
	}
	if got := await(t, v.recorded); got != Serial {
		t.Errorf("recorded %s", got)
	}
	for _, client := range []*net.UnixConn{waiting, v.client()} {
		accepted(t, client)
		exchange(t, client, 100_000)
	}
	if warning := v.guest.prove(); warning != "" {
		t.Errorf("it was told again: %q", warning)
	}
}

func TestAGuestWithoutVsockIsReachedOverTheSerialLine(t *testing.T) {
	v := startVsock(t, 100*time.Millisecond, silent)
	await(t, v.ready)
	client := v.client()
	accepted(t, client)
	exchange(t, client, 1000)
}

func TestAClientThatLeavesFreesItsConnection(t *testing.T) {
	closed := make(chan struct{})
	v := startVsock(t, time.Minute, func(conn net.Conn) {
		bufio.NewReader(conn).ReadString('\n')
		fmt.Fprint(conn, "OK 1\n")
		io.Copy(io.Discard, conn)
		select {
		case closed <- struct{}{}:
		case <-time.After(time.Minute):
		}
	})
	await(t, closed) // the probe
	client := v.client()
	accepted(t, client)
	client.Close()
	await(t, closed)
}

func TestConnectionsAGuestHasForgottenEndAfterWhatItSent(t *testing.T) {
	v := startVsock(t, time.Minute, echoing)
	await(t, v.ready)
	client := v.client()
	accepted(t, client)
	io.WriteString(client, "sent before\n")
	answer(t, client)
	cut := v.guest.relay.vsock.conns.forsake()
	later := v.client()
	accepted(t, later)
	cut()
	client.SetReadDeadline(time.Now().Add(10 * time.Second))
	if rest, err := io.ReadAll(client); err != nil || len(rest) > 0 {
		t.Fatalf("got %q, %v", rest, err)
	}
	exchange(t, later, 1000) // one made after the guest stood still is as good as any
}

func TestAConnectionThatIsBeingMadeWhenTheGuestForgetsIsMadeAnew(t *testing.T) {
	asked, goOn := make(chan struct{}, 2), make(chan struct{})
	v := startVsock(t, time.Minute, echoing)
	await(t, v.ready)
	v.behave <- func(conn net.Conn) {
		asked <- struct{}{}
		<-goOn
		echoing(conn)
	}
	client := v.client()
	await(t, asked)
	v.guest.relay.vsock.conns.forsake()()
	close(goOn)
	accepted(t, client)
	await(t, asked)
	exchange(t, client, 1000)
}
