package supervise

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bandsox.dev/agent/internal/fcapi"
)

// servedFirecracker is a Firecracker whose API answers with handler, and writes the lines of its metrics to the writer.
func servedFirecracker(t *testing.T, handler func(request, body string, metrics io.Writer) (int, string)) *firecracker {
	t.Helper()
	directory := t.TempDir()
	path := filepath.Join(directory, "api.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	lines, metrics, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		status, answer := handler(r.Method+" "+r.URL.Path, string(body), metrics)
		w.WriteHeader(status)
		io.WriteString(w, answer)
	})}
	go server.Serve(listener)
	meter := newMeter(filepath.Join(directory, "metrics.json"))
	go meter.keep(lines)
	t.Cleanup(func() {
		server.Close()
		metrics.Close()
		lines.Close()
	})
	return &firecracker{api: fcapi.New(path), meter: meter}
}

func TestWhatIsMeasuredIsWhatFirecrackerHasCountedUpToNow(t *testing.T) {
	flushes := 0
	machine := servedFirecracker(t, func(request, body string, metrics io.Writer) (int, string) {
		switch request + body {
		case `PUT /actions{"action_type":"FlushMetrics"}`:
			flushes++
			fmt.Fprintf(metrics, `{"utc_timestamp_ms":%d,"block_layer":{"read_bytes":10}}`+"\n", flushes)
			return http.StatusNoContent, ""
		case "GET /balloon/statistics":
			return http.StatusOK, `{"target_pages":256,"actual_pages":128,"target_mib":2,"actual_mib":1,"free_memory":7}`
		}
		return http.StatusBadRequest, "{}"
	})
	for _, want := range []float64{10, 20} {
		found, err := machine.measure()
		if err != nil {
			t.Fatal(err)
		}
		read := found.Counted.(map[string]any)["block_layer"].(map[string]any)["read_bytes"]
		if read != want || *found.Balloon != (balloonSize{2, 1}) {
			t.Errorf("got %v, %+v", read, found.Balloon)
		}
	}
}

func TestAMachineWithoutABalloonIsMeasuredAllTheSame(t *testing.T) {
	machine := servedFirecracker(t, func(request, _ string, metrics io.Writer) (int, string) {
		if request == "PUT /actions" {
			io.WriteString(metrics, `{"utc_timestamp_ms":1}`+"\n")
			return http.StatusNoContent, ""
		}
		return http.StatusBadRequest, `{"fault_message":"Balloon config error: No balloon device found."}`
	})
	found, err := machine.measure()
	if err != nil || found.Counted == nil || found.Balloon != nil {
		t.Fatalf("got %+v, %v", found, err)
	}
}

func TestMemoryIsTakenBackInFirecrackersWords(t *testing.T) {
	machine := servedFirecracker(t, func(request, body string, _ io.Writer) (int, string) {
		if request == "PATCH /balloon" && body == `{"amount_mib":32}` {
			return http.StatusNoContent, ""
		}
		return http.StatusBadRequest, `{"fault_message":"Device not activated yet."}`
	})
	if err := machine.reclaim(32); err != nil {
		t.Fatal(err)
	}
	if err := machine.reclaim(33); err == nil || !strings.Contains(err.Error(), "Device not activated yet.") {
		t.Fatalf("got %v", err)
	}
}
