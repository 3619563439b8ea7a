package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"bandsox.dev/agent/internal/kmsg"
)

func TestStatsAndProcessesComeFromTheKernel(t *testing.T) {
	for name, client := range serveAPI(t, &fakeMachine{}, nil) {
		status, stats := call(t, client, "GET", "/v1/stats", "")
		if status != 200 {
			t.Fatalf("%s: got %d %v", name, status, stats)
		}
		for _, field := range []string{"at", "uptimeMs", "cpu", "memory", "disk", "processes", "load", "oomKills", "agentRssBytes", "io"} {
			if stats[field] == nil {
				t.Errorf("%s: no %s in %v", name, field, stats)
			}
		}
		status, answer := call(t, client, "GET", "/v1/processes?limit=2", "")
		if listed, ok := answer["processes"].([]any); status != 200 || !ok || len(listed) > 2 || len(listed) < 1 {
			t.Errorf("%s: got %d %v", name, status, answer)
		}
	}
}

// fixedLog is a kernel log of the test's making.
type fixedLog struct{ text string }

func (l fixedLog) Follow() {}

func (l fixedLog) Newest(n int) []byte { return []byte(l.text[max(0, len(l.text)-n):]) }
func (l fixedLog) Kills() []kmsg.Kill {
	return []kmsg.Kill{{At: 5, Pid: 7, Name: "eater", RSSBytes: 9, Cgroup: "/x"}}
}

func serveWithLog(t *testing.T) *http.Client {
	t.Helper()
	listener, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	api := New(About{KernelLog: fixedLog{"[ 1.0] one\n[ 2.0] two\n"}}, &fakeMachine{}, reaper, nil)
	go api.Serve(listener)
	t.Cleanup(func() { listener.Close() })
	transport := &http.Transport{Dial: func(string, string) (net.Conn, error) {
		return net.Dial("unix", listener.Addr().String())
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func getHealth(t *testing.T, client *http.Client, path string) (*http.Response, []byte) {
	t.Helper()
	response, err := client.Get("http://vm" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}

func TestTheKernelLogAndItsKillsAreTold(t *testing.T) {
	client := serveWithLog(t)
	response, body := getHealth(t, client, "/v1/kernel-log?bytes=11")
	if string(body) != "[ 2.0] two\n" || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("got %q, %v", body, response.Header)
	}
	_, body = getHealth(t, client, "/v1/oom")
	if want := `{"kills":[{"at":5,"pid":7,"name":"eater","rssBytes":9,"cgroup":"/x"}]}`; string(body) != want {
		t.Errorf("got %s", body)
	}
	var hello struct{ Capabilities []string }
	_, body = getHealth(t, client, "/v1/hello")
	if err := json.Unmarshal(body, &hello); err != nil || !strings.Contains(strings.Join(hello.Capabilities, " "), "tcp stats identity clock settle ping kernel-log") {
		t.Errorf("got %s, %v", body, err)
	}
}

func TestThePumpTakesAndGivesBytes(t *testing.T) {
	const size = 3<<20 + 1
	for name, client := range serveAPI(t, &fakeMachine{}, nil) {
		if status, answer := call(t, client, "POST", "/v1/pump", strings.Repeat("x", size)); status != 200 || answer["bytes"] != float64(size) {
			t.Errorf("%s: got %d %v", name, status, answer)
		}
		response, body := getHealth(t, client, "/v1/pump?bytes=3145729")
		if !bytes.Equal(body, make([]byte, size)) || response.ContentLength != size {
			t.Errorf("%s: got %d bytes, %v", name, len(body), response)
		}
	}
}

func TestHealthCallsRefuseWhatTheyDoNotKnow(t *testing.T) {
	client := serveAPI(t, &fakeMachine{}, nil)["HTTP/1.1"]
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", "/v1/stats?x=1", "", 400, "bad_request"},
		{"GET", "/v1/processes?limit=1001", "", 400, "bad_request"},
		{"GET", "/v1/processes?limit=1&limit=2", "", 400, "bad_request"},
		{"GET", "/v1/kernel-log?bytes=-1", "", 400, "bad_request"},
		{"GET", "/v1/pump", "", 400, "bad_request"},
		{"GET", "/v1/pump?bytes=1073741825", "", 400, "bad_request"},
		{"POST", "/v1/pump?bytes=3", "four", 400, "bad_request"},
		{"PUT", "/v1/pump", "", 405, "method_not_allowed"},
		{"POST", "/v1/stats", "", 405, "method_not_allowed"},
	} {
		if status, answer := call(t, client, c.method, c.path, c.body); status != c.status || answer["code"] != c.code {
			t.Errorf("%s %s: got %d %v", c.method, c.path, status, answer)
		}
	}
}
