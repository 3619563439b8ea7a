package httpapi

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"bandsox.dev/agent/internal/duplex"
	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/frame"
	"bandsox.dev/agent/internal/run"
)

// caller is a client of one exec whose connections break.
type caller struct {
	t        *testing.T
	address  string
	id       string
	position int64 // of frames received
	out      bytes.Buffer
	errors   bytes.Buffer
	exit     string
	taken    uint64
	received int64 // of stdin, as the agent says at a new connection
	conn     net.Conn
	reader   *bufio.Reader
}

// dial sends a request and reads the head of its answer.
func (c *caller) dial(method, path, headers, body string) *http.Response {
	c.t.Helper()
	conn, err := net.Dial("unix", c.address)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: vm\r\n%sContent-Length: %d\r\n\r\n%s", method, path, headers, len(body), body)
	c.conn, c.reader = conn, bufio.NewReader(conn)
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return response
}

const askForFrames = "Connection: Upgrade\r\nUpgrade: " + framesUpgrade + "\r\n"

// start begins the command with a body of frames, or, with stdin, with frames both ways.
func (c *caller) start(script string, stdin bool) io.Reader {
	c.t.Helper()
	body := fmt.Sprintf(`{"argv":["/bin/sh","-c",%q],"stdin":%t}`, script, stdin)
	headers := execIDHeader + ": " + c.id + "\r\n"
	if stdin {
		headers += askForFrames
	}
	response := c.dial("POST", "/v1/exec", headers, body)
	if got := response.Header.Get(execIDHeader); got != c.id {
		c.t.Fatalf("got %d, id %q", response.StatusCode, got)
	}
	if stdin {
		return c.reader
	}
	return response.Body
}

func (c *caller) resume() io.Reader {
	c.t.Helper()
	response := c.dial("GET", fmt.Sprintf("/v1/execs/%s?from=%d", c.id, c.position), askForFrames, "")
	if response.StatusCode != 101 {
		body, _ := io.ReadAll(response.Body)
		c.t.Fatalf("got %d %s", response.StatusCode, body)
	}
	c.received, _ = strconv.ParseInt(response.Header.Get(execStdinHeader), 10, 64)
	return c.reader
}

// read takes frames until there are limit bytes of them, the exit or the end.
func (c *caller) read(from io.Reader, limit int64) {
	buffer := make([]byte, frame.MaxSize)
	for got := int64(0); got < limit && c.exit == ""; {
		kind, payload, err := frame.Read(from, buffer)
		if err != nil {
			return
		}
		size := int64(frame.HeaderSize + len(payload))
		got += size
		switch kind {
		case frame.Taken:
			c.taken = binary.BigEndian.Uint64(payload)
			continue
		case frame.Exit:
			c.exit = string(payload)
		case frame.Stderr:
			c.errors.Write(payload)
		default:
			c.out.Write(payload)
		}
		c.position += size
	}
}

// serveAt is serveAPI for raw connections.
func serveAt(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	api := New(About{}, &fakeMachine{true}, reaper, nil)
	go api.Serve(listener)
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

func TestOutputIsExactHoweverOftenTheConnectionBreaks(t *testing.T) {
	const lines = 600_000 // more than may be on its way
	c := &caller{t: t, address: serveAt(t), id: "a"}
	from := c.start(fmt.Sprintf("seq 1 %d; echo over >&2; exit 5", lines), false)
	breaks := 0
	for ; c.exit == ""; breaks++ {
		c.read(from, rand.Int64N(400_000))
		if c.exit != "" {
			break
		}
		c.conn.Close()
		from = c.resume()
	}
	want := &bytes.Buffer{}
	for i := range lines {
		fmt.Fprintln(want, i+1)
	}
	if !bytes.Equal(c.out.Bytes(), want.Bytes()) || c.errors.String() != "over\n" || c.exit != `{"exitCode":5,"timedOut":false}` {
		t.Errorf("%d bytes of %d, exit %s", c.out.Len(), want.Len(), c.exit)
	}
	if breaks < 5 {
		t.Errorf("it broke %d times only", breaks)
	}
}

func TestStdinIsExactHoweverOftenTheConnectionBreaks(t *testing.T) {
	sent := make([]byte, 3_000_000)
	for i := range sent {
		sent[i] = byte(rand.Uint32())
	}
	c := &caller{t: t, address: serveAt(t), id: "a"}
	from := c.start("cat; echo over", true)
	for c.exit == "" {
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.feed(sent[c.received:])
		}()
		c.read(from, 1+rand.Int64N(100_000))
		c.conn.Close()
		<-done
		if c.exit == "" {
			from = c.resume()
		}
	}
	if !bytes.Equal(c.out.Bytes(), append(sent, "over\n"...)) {
		t.Errorf("%d bytes came back of %d", c.out.Len(), len(sent))
	}
}

// feed sends a window of stdin and its end, cut anywhere; what of it arrives the next connection is told.
func (c *caller) feed(rest []byte) {
	isAll := len(rest) <= 200_000
	var frames []byte
	for part := rest[:min(len(rest), 200_000)]; len(part) > 0; {
		n := min(len(part), 1+rand.IntN(frame.MaxSize))
		frames = frame.Append(frames, frame.Stdin, part[:n])
		part = part[n:]
	}
	if isAll {
		frames = frame.Append(frames, frame.EOF, nil)
	} else {
		frames = frames[:len(frames)-rand.IntN(1000)]
	}
	c.conn.Write(frames)
}

func TestOutputWaitsForAClientThatDoesNotSayWhatItHas(t *testing.T) {
	address := serveAt(t)
	c := &caller{t: t, address: address, id: "a"}
	from := c.start("cat /dev/zero", false)
	c.conn.SetReadDeadline(time.Now().Add(time.Second))
	c.read(from, 1<<30)
	first := c.position
	if first > 4<<20 || first < 2<<20 {
		t.Errorf("%d bytes came", first)
	}
	say := &caller{t: t, address: address}
	if response := say.dial("POST", fmt.Sprintf("/v1/execs/a/received?bytes=%d", first), "", ""); response.StatusCode != 200 {
		t.Errorf("got %d", response.StatusCode)
	}
	c.conn.Close()
	c.read(c.resume(), 2<<20)
	if c.position < first+2<<20 {
		t.Errorf("nothing more came than %d bytes", c.position)
	}
	say.dial("DELETE", "/v1/execs/a", "", "")
}

func TestACommandIsStartedOnceAndEndsWhenItsClientSaysSo(t *testing.T) {
	address := serveAt(t)
	c := &caller{t: t, address: address, id: "a"}
	from := c.start("echo $$; sleep 60 & wait", false)
	c.read(from, 1)
	other := &caller{t: t, address: address}
	for _, ask := range []struct {
		method, path, headers, body string
		status                      int
		code                        string
	}{
		{"POST", "/v1/exec", execIDHeader + ": a\r\n", `{"argv":["true"]}`, 409, "exec_exists"},
		{"POST", "/v1/exec", execIDHeader + ": a/b\r\n", `{"argv":["true"]}`, 400, "bad_request"},
		{"POST", "/v1/exec", execIDHeader + ": c\r\n", `{"argv":["no-such-program"]}`, 422, "exec_not_started"},
		{"GET", "/v1/execs/c", askForFrames, "", 404, "exec_not_found"},
		{"GET", "/v1/execs/a?from=1000000", askForFrames, "", 416, "offset_ahead"},
		{"GET", "/v1/execs/a?from=-1", askForFrames, "", 400, "bad_request"},
		{"GET", "/v1/execs/a", "", "", 400, "bad_request"},
		{"POST", "/v1/execs/a/received?bytes=1000000", "", "", 416, "offset_ahead"},
		{"POST", "/v1/execs/b/received?bytes=0", "", "", 404, "exec_not_found"},
		{"DELETE", "/v1/execs/b", "", "", 404, "exec_never_started"},
		{"DELETE", "/v1/execs/c", "", "", 404, "exec_never_started"},
		{"DELETE", "/v1/execs/a", "", "", 200, ""},
		{"DELETE", "/v1/execs/a", "", "", 404, "exec_not_found"},
		{"POST", "/v1/exec", execIDHeader + ": a\r\n", `{"argv":["true"]}`, 409, "exec_exists"},
		{"GET", "/v1/execs/a", askForFrames, "", 404, "exec_not_found"},
	} {
		response := other.dial(ask.method, ask.path, ask.headers, ask.body)
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != ask.status || !strings.Contains(string(body), ask.code) {
			t.Errorf("%s %s: got %d %s", ask.method, ask.path, response.StatusCode, body)
		}
	}
	awaitGone(t, "deleted", strings.TrimSpace(c.out.String()))
}

func TestAMachineThatBecomesAnotherEndsTheCommandsOfTheOneItWas(t *testing.T) {
	address := serveAt(t)
	c := &caller{t: t, address: address, id: "a"}
	c.read(c.start("echo $$; sleep 60", false), 1)
	other := &caller{t: t, address: address}
	other.dial("POST", "/v1/identity", "", `{"epochMs":1,"entropy":"AAAA"}`)
	c.conn.Close()
	c.resume()
	clone := `{"epochMs":1,"entropy":"AAAA","clone":{"hostname":"h","env":{},"restoreId":"r"}}`
	if response := other.dial("POST", "/v1/identity", "", clone); response.StatusCode != 200 {
		t.Errorf("got %d", response.StatusCode)
	}
	awaitGone(t, "of a clone", strings.TrimSpace(c.out.String()))
}

func TestAConnectionIsOfUseAfterItsCommandWasForgotten(t *testing.T) {
	c := &caller{t: t, address: serveAt(t)}
	other := &caller{t: t, address: c.address}
	conn, err := net.Dial("unix", c.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	reader := bufio.NewReader(conn)
	for i := range 200 {
		body := `{"argv":["true"]}`
		fmt.Fprintf(conn, "POST /v1/exec HTTP/1.1\r\nHost: vm\r\n%s: a%d\r\nContent-Length: %d\r\n\r\n%s", execIDHeader, i, len(body), body)
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("command %d: %v", i, err)
		}
		if kind, _ := readFrame(t, response.Body); kind != frame.Exit {
			t.Fatalf("command %d: kind %d", i, kind)
		}
		other.dial("DELETE", fmt.Sprintf("/v1/execs/a%d", i), "", "")
		other.conn.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatalf("command %d: %v", i, err)
		}
	}
}

// deafConn takes nothing, but what was sent on it is still read.
type deafConn struct{ *io.PipeReader }

func (deafConn) Write([]byte) (int, error)        { return 0, errors.New("broken pipe") }
func (deafConn) CloseWrite() error                { return nil }
func (deafConn) SetReadDeadline(time.Time) error  { return nil }
func (deafConn) SetWriteDeadline(time.Time) error { return nil }

func withInput(t *testing.T, script string) (r *run.Run, ended chan struct{}) {
	t.Helper()
	g := run.NewRegistry(reaper, time.Minute)
	ended = make(chan struct{})
	command := exec.Command{Argv: []string{"/bin/sh", "-c", script}, Stdin: true}
	r, err := g.Start("a", command, exec.Defaults{}, func() { close(ended) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.End("a") })
	return r, ended
}

func TestNoStdinComesOfAConnectionThatWasLetGo(t *testing.T) {
	r, _ := withInput(t, "echo; sleep 60")
	from, to := io.Pipe()
	client := duplex.ServeInput(deafConn{from}, from, r.Input())
	if err := r.Meet(duplexCarrier{client}); err == nil {
		t.Error("a connection that takes nothing brought everything")
	}
	go client.Leave()
	r.Release()
	told := r.Input().Received()
	if _, err := to.Write(frame.Append(nil, frame.Stdin, []byte("on its way"))); err == nil {
		t.Error("it is still read")
	}
	if now := r.Input().Received(); now != told {
		t.Errorf("the client was told that %d bytes had come, and %d have: it sends them again", told, now)
	}
}

func TestStdinThatNobodyTakesMayComeAgain(t *testing.T) {
	r, ended := withInput(t, "true")
	<-ended
	pieces := frame.Append(frame.Append(nil, frame.Stdin, []byte("abc")), frame.EOF, nil)
	for range 2 {
		from, to := io.Pipe()
		client := duplex.ServeInput(deafConn{from}, from, r.Input())
		client.Begin()
		to.Write(pieces)
		if _, err := to.Write(pieces); err != nil || client.Context().Err() != nil {
			t.Errorf("a client that goes on from what it was told is taken for one that left: %v", err)
		}
		client.Cut()
	}
}

func TestACommandThatIsNotWantedBeforeItComesIsNotStarted(t *testing.T) {
	address := serveAt(t)
	say := &caller{t: t, address: address}
	if response := say.dial("DELETE", "/v1/execs/a", "", ""); response.StatusCode != 404 {
		t.Errorf("got %d", response.StatusCode)
	}
	late := &caller{t: t, address: address}
	body := `{"argv":["/bin/sh","-c","sleep 60"]}`
	response := late.dial("POST", "/v1/exec", "X-Exec-Id: a\r\n", body)
	if response.StatusCode != 409 {
		t.Errorf("got %d", response.StatusCode)
	}
}
