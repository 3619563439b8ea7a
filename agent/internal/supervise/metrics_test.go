package supervise

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatIsCountedAddsUpAndWhatIsMeasuredIsTheNewest(t *testing.T) {
	lines := []string{
		`{"utc_timestamp_ms":1,"block":{"read_bytes":10,"read_agg":{"min_us":5,"max_us":9,"sum_us":14}},"latencies_us":{"pause_vm":3}}`,
		`no metrics`,
		`{"utc_timestamp_ms":2,"block":{"read_bytes":7,"read_agg":{"min_us":4,"max_us":9,"sum_us":4}},"latencies_us":{"pause_vm":8}}`,
	}
	directory := t.TempDir()
	source := filepath.Join(directory, "lines")
	if err := os.WriteFile(source, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(source)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	path := filepath.Join(directory, "metrics.json")
	newMeter(path).keep(from)
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"block":{"read_agg":{"max_us":9,"min_us":4,"sum_us":18},"read_bytes":17},"latencies_us":{"pause_vm":8},"utc_timestamp_ms":2}`
	if strings.TrimSpace(string(got)) != want {
		t.Errorf("got %s", got)
	}
}

func TestATotalWaitsForTheLineItAskedFor(t *testing.T) {
	from, to := io.Pipe()
	defer to.Close()
	meter := newMeter(filepath.Join(t.TempDir(), "metrics.json"))
	go meter.keep(from)
	flush := func() error {
		go io.WriteString(to, `{"block":{"read_bytes":5}}`+"\n")
		return nil
	}
	for _, want := range []float64{5, 10} {
		totals, err := meter.after(flush, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if got := totals.(map[string]any)["block"].(map[string]any)["read_bytes"]; got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	silent := func() error { return nil }
	if totals, err := meter.after(silent, time.Millisecond); err != nil || totals == nil {
		t.Fatalf("without a line: %v, %v", totals, err)
	}
	refused := errors.New("no")
	if _, err := meter.after(func() error { return refused }, time.Second); !errors.Is(err, refused) {
		t.Fatalf("got %v", err)
	}
}
