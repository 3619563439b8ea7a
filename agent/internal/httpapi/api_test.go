package httpapi

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/frame"
	"bandsox.dev/agent/internal/machine"
	"bandsox.dev/agent/internal/reap"
)

var reaper = reap.New(reap.OwnChildren)

// fakeMachine becomes ready without disks.
type fakeMachine struct{ ready bool }

func (m *fakeMachine) Defaults() (exec.Defaults, bool) {
	return exec.Defaults{Hostname: "box"}, m.ready
}

func (m *fakeMachine) Enter(machine.Spec) (time.Duration, error) {
	if m.ready {
		return 0, machine.ErrReady
	}
	m.ready = true
	return 7 * time.Millisecond, nil
}

func (m *fakeMachine) Refresh(machine.Identity) error { return nil }

func (m *fakeMachine) Settle() error { return nil }

// serveAPI serves a machine and returns clients that speak HTTP/1.1 and HTTP/2.
func serveAPI(t testing.TB, m Machine, powerOff func(time.Duration)) map[string]*http.Client {
	t.Helper()
	listener, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	api := New(About{Version: "v", Kernel: "k", StartMs: 1}, m, reaper, powerOff)
	api.Ready(2)
	go api.Serve(listener)
	t.Cleanup(func() { listener.Close() })
	clients := map[string]*http.Client{}
	for _, name := range []string{"HTTP/1.1", "HTTP/2.0"} {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(name == "HTTP/1.1")
		protocols.SetUnencryptedHTTP2(name == "HTTP/2.0")
		transport := &http.Transport{Protocols: protocols}
		transport.Dial = func(string, string) (net.Conn, error) { return net.Dial("unix", listener.Addr().String()) }
		t.Cleanup(transport.CloseIdleConnections)
		clients[name] = &http.Client{Transport: transport}
	}
	return clients
}

func call(t *testing.T, client *http.Client, method, path, body string) (int, map[string]any) {
	t.Helper()
	request, _ := http.NewRequest(method, "http://vm"+path, strings.NewReader(body))
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return response.StatusCode, answer
}

const validSpec = `{"hostname":"h","env":{},"workingDir":"/","user":"","epochMs":1,"entropy":"AAAA","baseDevice":"/dev/vda","layerDevice":"/dev/vdb"}`

func TestErrorsHaveACode(t *testing.T) {
	for _, c := range []struct {
		method, path, body string
		ready              bool
		status             int
		code               string
	}{
		{"GET", "/v2/x", "", false, 404, "not_found"},
		{"GET", "/", "", false, 404, "not_found"},
		{"GET", "/v1/hello/", "", false, 404, "not_found"},
		{"GET", "/v1//hello", "", false, 404, "not_found"},
		{"POST", "/v1/hello", "", false, 405, "method_not_allowed"},
		{"GET", "/v1/hello?verbose=1", "", false, 400, "bad_request"},
		{"GET", "/v1/hello?%zz", "", false, 400, "bad_request"},
		{"POST", "/v1/exec", `{"argv":["true"]}`, false, 409, "machine_bare"},
		{"PUT", "/v1/machine", validSpec, true, 409, "machine_ready"},
		{"PUT", "/v1/machine", `{}`, false, 400, "bad_request"},
		{"POST", "/v1/exec", `{"argv":["true"],"shell":1}`, true, 400, "bad_request"},
		{"POST", "/v1/exec", `{"argv":["true"]} {}`, true, 400, "bad_request"},
		{"POST", "/v1/exec", `{`, true, 400, "bad_request"},
		{"POST", "/v1/exec", `{"argv":["` + strings.Repeat("x", bodyLimit) + `"]}`, true, 413, "body_too_large"},
		{"POST", "/v1/exec", `{"argv":[]}` + strings.Repeat(" ", bodyLimit), true, 413, "body_too_large"},
		{"POST", "/v1/exec", `{"argv":["no-such-tool"]}`, true, 422, "exec_not_started"},
		{"POST", "/v1/identity", `{"epochMs":1}`, false, 409, "machine_bare"},
		{"POST", "/v1/identity", `{"epochMs":0}`, true, 400, "bad_request"},
		{"POST", "/v1/power-off", `{"graceMs":-1}`, true, 400, "bad_request"},
	} {
		for name, client := range serveAPI(t, &fakeMachine{c.ready}, nil) {
			status, answer := call(t, client, c.method, c.path, c.body)
			if status != c.status || answer["code"] != c.code || answer["message"] == "" {
				t.Errorf("%s %s %s: got %d %v", name, c.method, c.path, status, answer)
			}
		}
	}
}

func TestARefusedMethodIsToldWhatIsAllowed(t *testing.T) {
	for _, method := range []string{"DELETE", "HEAD"} {
		request, _ := http.NewRequest(method, "http://vm/v1/hello", nil)
		response, err := serveAPI(t, &fakeMachine{}, nil)["HTTP/1.1"].Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 405 || response.Header.Get("Allow") != "GET" {
			t.Errorf("%s: got %d, Allow %q", method, response.StatusCode, response.Header.Get("Allow"))
		}
	}
}

func TestAQueryParameterIsTakenOnceUnlessItRepeats(t *testing.T) {
	taking := route{query: "path include*"}
	for query, ok := range map[string]bool{
		"": true, "path=a": true, "include=a&include=b&path=": true, "path=a&path=b": false, "other=1": false, "path*=1": false,
	} {
		request, _ := http.NewRequest("GET", "http://vm/?"+query, nil)
		if problem := taking.checkQuery(request); (problem == "") != ok {
			t.Errorf("%s: got %q", query, problem)
		}
	}
}

func TestHelloSaysWhetherTheMachineIsReady(t *testing.T) {
	client := serveAPI(t, &fakeMachine{}, nil)["HTTP/1.1"]
	if _, answer := call(t, client, "GET", "/v1/hello", ""); answer["machine"] != "bare" || answer["protocol"] != 1.0 ||
		answer["agentReadyMs"] != 2.0 {
		t.Errorf("got %v", answer)
	}
	if status, answer := call(t, client, "PUT", "/v1/machine", validSpec); status != 200 || answer["mountedMs"] != 7.0 {
		t.Errorf("got %d %v", status, answer)
	}
	if _, answer := call(t, client, "GET", "/v1/hello", ""); answer["machine"] != "ready" {
		t.Errorf("got %v", answer)
	}
}

func TestAnAnswerThatIsSentAtOnceHasALength(t *testing.T) {
	client := serveAPI(t, &fakeMachine{}, nil)["HTTP/1.1"]
	response, err := client.Get("http://vm/v1/hello")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || response.ContentLength != int64(len(body)) {
		t.Errorf("got %d of %d bytes, %v", len(body), response.ContentLength, err)
	}
}

func TestPowerOffIsAnsweredFirst(t *testing.T) {
	grace := make(chan time.Duration, 1)
	client := serveAPI(t, &fakeMachine{}, func(d time.Duration) { grace <- d })["HTTP/2.0"]
	if status, _ := call(t, client, "POST", "/v1/power-off", `{"graceMs":1500}`); status != 202 {
		t.Errorf("got %d", status)
	}
	if got := <-grace; got != 1500*time.Millisecond {
		t.Errorf("got %v", got)
	}
}

func startExec(t *testing.T, client *http.Client, script string) *http.Response {
	t.Helper()
	body := fmt.Sprintf(`{"argv":["/bin/sh","-c",%q]}`, script)
	response, err := client.Post("http://vm/v1/exec", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func readFrame(t *testing.T, from io.Reader) (frame.Kind, string) {
	t.Helper()
	var header [5]byte
	if _, err := io.ReadFull(from, header[:]); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint32(header[1:]))
	if _, err := io.ReadFull(from, body); err != nil {
		t.Fatal(err)
	}
	return frame.Kind(header[0]), string(body)
}

func TestExecStreamsFramesAsTheyComeAndEndsWithTheExit(t *testing.T) {
	for name, client := range serveAPI(t, &fakeMachine{true}, nil) {
		start := time.Now()
		response := startExec(t, client, "echo now; sleep 0.3; exit 4")
		kind, body := readFrame(t, response.Body)
		if kind != frame.Stdout || body != "now\n" || time.Since(start) > 250*time.Millisecond {
			t.Errorf("%s: got %d %q after %v", name, kind, body, time.Since(start))
		}
		if kind, body = readFrame(t, response.Body); kind != frame.Exit || body != `{"exitCode":4,"timedOut":false}` {
			t.Errorf("%s: got %d %q", name, kind, body)
		}
		if _, err := response.Body.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%s: after the exit: %v", name, err)
		}
		if response.Header.Get("Content-Type") != "application/vnd.bandsox.frames" || response.Proto != name {
			t.Errorf("%s: got %v over %s", name, response.Header, response.Proto)
		}
	}
}

func TestALeavingClientFreesItsCommand(t *testing.T) {
	for name, client := range serveAPI(t, &fakeMachine{true}, nil) {
		for _, script := range []string{"echo $$; exec sleep 60", "echo $$; cat /dev/zero"} {
			response := startExec(t, client, script)
			line, _ := bufio.NewReader(io.LimitReader(response.Body, 32)).ReadString('\n')
			pid := strings.TrimSpace(line[5:])
			response.Body.Close()
			awaitGone(t, name+" "+script, pid)
		}
	}
}
