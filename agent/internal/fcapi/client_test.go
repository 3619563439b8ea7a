package fcapi

import (
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "api.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return New(path)
}

func TestSendsJSONAndReadsTheAnswer(t *testing.T) {
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "PATCH" || r.URL.Path != "/vm" || string(body) != `{"state":"Paused"}` {
			t.Errorf("got %s %s %s", r.Method, r.URL.Path, body)
		}
		io.WriteString(w, `{"state":"Paused"}`)
	})
	var answer struct{ State string }
	err := client.Do("PATCH", "/vm", map[string]string{"state": "Paused"}, &answer, time.Second)
	if err != nil || answer.State != "Paused" {
		t.Fatalf("got %v, %+v", err, answer)
	}
}

func TestARefusalIsToldInFirecrackersWords(t *testing.T) {
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"fault_message":"no, thanks"}`)
	})
	err := client.Do("PUT", "/actions", map[string]string{}, nil, time.Second)
	var fault *Fault
	if !errors.As(err, &fault) || fault.Status != 400 || !strings.Contains(err.Error(), "PUT /actions: no, thanks") {
		t.Fatalf("got %v", err)
	}
}

func TestAnAnswerThatDoesNotComeIsNotWaitedForForEver(t *testing.T) {
	release := make(chan struct{})
	client := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	if err := client.Do("GET", "/", nil, nil, 20*time.Millisecond); err == nil {
		t.Fatal("it answered")
	}
}
