package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"bandsox.dev/agent/internal/frame"
)

// dialDuplex asks for frames both ways on a connection of its own.
func dialDuplex(t *testing.T, client *http.Client, method, path, body string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := client.Transport.(*http.Transport).Dial("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: vm\r\nConnection: Upgrade\r\nUpgrade: bandsox-frames\r\nContent-Length: %d\r\n\r\n%s",
		method, path, len(body), body)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, reader, response
}

func TestAnExecWithStdinTalksBothWays(t *testing.T) {
	client := serveAPI(t, &fakeMachine{true}, nil)["HTTP/1.1"]
	conn, frames, response := dialDuplex(t, client, "POST", "/v1/exec", `{"argv":["cat"],"stdin":true}`)
	if response.StatusCode != 101 || response.Header.Get("Upgrade") != "bandsox-frames" {
		t.Fatalf("got %s", response.Status)
	}
	conn.Write(frame.Append(nil, frame.Stdin, []byte("hello")))
	seen := map[frame.Kind]string{}
	for range 2 {
		kind, body := readFrame(t, frames)
		seen[kind] = body
	}
	if seen[frame.Stdout] != "hello" || seen[frame.Taken] != "\x00\x00\x00\x00\x00\x00\x00\x05" {
		t.Errorf("got %q", seen)
	}
	conn.Write(frame.Append(nil, frame.EOF, nil))
	if kind, body := readFrame(t, frames); kind != frame.Exit || body != `{"exitCode":0,"timedOut":false}` {
		t.Errorf("got %d %q", kind, body)
	}
	if _, err := frames.ReadByte(); err != io.EOF {
		t.Errorf("after the exit: %v", err)
	}
}

func TestAnExecOnATerminalIsResizedByAFrame(t *testing.T) {
	client := serveAPI(t, &fakeMachine{true}, nil)["HTTP/1.1"]
	conn, frames, _ := dialDuplex(t, client, "POST", "/v1/exec",
		`{"argv":["sh","-c","stty size; read x; stty size"],"terminal":{"cols":90,"rows":20}}`)
	if kind, body := readFrame(t, frames); kind != frame.Stdout || body != "20 90\r\n" {
		t.Errorf("got %d %q", kind, body)
	}
	conn.Write(frame.Append(nil, frame.Resize, []byte(`{"cols":91,"rows":21}`)))
	conn.Write(frame.Append(nil, frame.Stdin, []byte("\n")))
	all := ""
	for kind := frame.Kind(0); kind != frame.Exit; {
		var body string
		if kind, body = readFrame(t, frames); kind == frame.Stdout {
			all += body
		}
	}
	if !strings.HasSuffix(all, "21 91\r\n") {
		t.Errorf("got %q", all)
	}
}

func TestStdinAndTerminalsNeedTheUpgrade(t *testing.T) {
	for name, client := range serveAPI(t, &fakeMachine{true}, nil) {
		for _, body := range []string{`{"argv":["cat"],"stdin":true}`, `{"argv":[],"terminal":{"cols":1,"rows":1}}`} {
			if status, answer := call(t, client, "POST", "/v1/exec", body); status != 400 || answer["code"] != "bad_request" {
				t.Errorf("%s: got %d %v", name, status, answer)
			}
		}
	}
}

func TestASessionLivesBetweenItsCalls(t *testing.T) {
	for _, name := range []string{"HTTP/1.1", "HTTP/2.0"} {
		client := serveAPI(t, &fakeMachine{true}, nil)[name]
		body := `{"argv":["sh","-c","echo ready; cat; exit 6"],"stdin":true,"journalBytes":8192}`
		status, answer := call(t, client, "PUT", "/v1/sessions/a-1", body)
		if status != 201 || answer["id"] != "a-1" || answer["stdin"] != "open" || answer["pid"] == 0.0 || answer["exit"] != nil {
			t.Errorf("%s: got %d %v", name, status, answer)
		}
		if status, again := call(t, client, "PUT", "/v1/sessions/a-1", body); status != 200 || again["pid"] != answer["pid"] {
			t.Errorf("%s: got %d %v", name, status, again)
		}
		if status, answer := call(t, client, "POST", "/v1/sessions/a-1/stdin", "typed"); status != 200 || answer["bytes"] != 5.0 {
			t.Errorf("%s: got %d %v", name, status, answer)
		}
		if status, answer := call(t, client, "GET", "/v1/sessions/a-1/wait?timeoutMs=1", ""); status != 200 || answer["exit"] != nil {
			t.Errorf("%s: got %d %v", name, status, answer)
		}
		call(t, client, "POST", "/v1/sessions/a-1/stdin?close=1", "")
		if status, answer := call(t, client, "GET", "/v1/sessions/a-1/wait", ""); status != 200 ||
			answer["exit"].(map[string]any)["exitCode"] != 6.0 || answer["stdin"] != "closed" {
			t.Errorf("%s: got %d %v", name, status, answer)
		}
		_, listed := call(t, client, "GET", "/v1/sessions", "")
		if sessions := listed["sessions"].([]any); len(sessions) != 1 {
			t.Errorf("%s: got %v", name, listed)
		}
	}
}

func TestAnAttachmentBeginsWhereItIsToldTo(t *testing.T) {
	client := serveAPI(t, &fakeMachine{true}, nil)["HTTP/1.1"]
	call(t, client, "PUT", "/v1/sessions/a", `{"argv":["sh","-c","printf 0123456789; printf abc >&2"]}`)
	call(t, client, "GET", "/v1/sessions/a/wait", "")
	for query, want := range map[string]string{
		"":                     "0123456789 abc",
		"?stdout=4&stderr=end": "456789 ",
		"?stdout=10&stderr=3":  " ",
	} {
		_, frames, response := dialDuplex(t, client, "GET", "/v1/sessions/a/attach"+query, "")
		if response.StatusCode != 101 {
			t.Fatalf("%s: %s", query, response.Status)
		}
		got := map[frame.Kind]string{}
		for kind := frame.Kind(0); kind != frame.Exit; {
			var body string
			kind, body = readFrame(t, frames)
			got[kind] += body
		}
		if got[frame.Stdout]+" "+got[frame.Stderr] != want {
			t.Errorf("%s: got %q", query, got)
		}
	}
	if _, _, response := dialDuplex(t, client, "GET", "/v1/sessions/a/attach?stdout=11", ""); response.StatusCode != 416 {
		t.Errorf("got %s", response.Status)
	}
}

func TestCallsOfSessionsThatCannotBe(t *testing.T) {
	client := serveAPI(t, &fakeMachine{true}, nil)["HTTP/2.0"]
	call(t, client, "PUT", "/v1/sessions/ended", `{"argv":["true"]}`)
	call(t, client, "GET", "/v1/sessions/ended/wait", "")
	call(t, client, "PUT", "/v1/sessions/lives", `{"argv":["sleep","60"]}`)
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", "/none", "", 404, "session_not_found"},
		{"DELETE", "/none", "", 404, "session_not_found"},
		{"GET", "/none/attach", "", 404, "session_not_found"},
		{"POST", "/none/signal", `{"signal":"SIGINT"}`, 404, "session_not_found"},
		{"PUT", "/a.b", `{"argv":["true"]}`, 400, "bad_request"},
		{"PUT", "/b", `{"argv":["true"],"journalBytes":1}`, 400, "bad_request"},
		{"PUT", "/b", `{"argv":[]}`, 422, "exec_not_started"},
		{"POST", "/ended/signal", `{"signal":"SIGINT"}`, 409, "session_ended"},
		{"POST", "/ended/stdin", "x", 409, "stdin_closed"},
		{"POST", "/lives/stdin", "x", 409, "stdin_closed"},
		{"POST", "/lives/resize", `{"cols":1,"rows":1}`, 409, "not_a_terminal"},
		{"POST", "/lives/resize", `{"cols":0,"rows":1}`, 400, "bad_request"},
		{"POST", "/lives/signal", `{"signal":"SIGNONE"}`, 400, "bad_request"},
		{"GET", "/lives/attach?stdout=x", "", 400, "bad_request"},
		{"GET", "/lives/attach", "", 400, "bad_request"},
		{"GET", "/lives/wait?timeoutMs=60001", "", 400, "bad_request"},
		{"DELETE", "/lives/wait", "", 405, "method_not_allowed"},
	} {
		status, answer := call(t, client, c.method, "/v1/sessions"+c.path, c.body)
		if status != c.status || answer["code"] != c.code || answer["message"] == "" {
			t.Errorf("%s %s: got %d %v", c.method, c.path, status, answer)
		}
	}
	if status, _ := call(t, client, "DELETE", "/v1/sessions/lives", ""); status != 200 {
		t.Errorf("got %d", status)
	}
}

func TestAWriteNobodyReadsEndsWithItsClient(t *testing.T) {
	client := serveAPI(t, &fakeMachine{true}, nil)["HTTP/1.1"]
	call(t, client, "PUT", "/v1/sessions/a", `{"argv":["sleep","60"],"stdin":true}`)
	defer call(t, client, "DELETE", "/v1/sessions/a", "")
	impatient := &http.Client{Transport: client.Transport, Timeout: 100 * time.Millisecond}
	if _, err := impatient.Post("http://vm/v1/sessions/a/stdin", "", strings.NewReader(strings.Repeat("x", 128<<10))); err == nil {
		t.Fatal("the pipe took it all")
	}
	// The turn is free again: this one waits for the pipe, not for a turn that never comes.
	if status, answer := call(t, client, "POST", "/v1/sessions/a/stdin", ""); status != 200 {
		t.Errorf("got %d %v", status, answer)
	}
}
