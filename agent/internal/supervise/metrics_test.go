package supervise

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	keepMetrics(from, path)
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"block":{"read_agg":{"max_us":9,"min_us":4,"sum_us":18},"read_bytes":17},"latencies_us":{"pause_vm":8},"utc_timestamp_ms":2}`
	if strings.TrimSpace(string(got)) != want {
		t.Errorf("got %s", got)
	}
}
