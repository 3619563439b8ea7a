package supervise

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// watched checks the bound between any two reads.
type watched struct {
	t    *testing.T
	from io.Reader
	path string
	max  int64
}

func (w watched) Read(p []byte) (int, error) {
	if total := sizeOf(w.t, w.path) + sizeOf(w.t, w.path+".1"); total > w.max {
		w.t.Fatalf("the log has %d bytes, the maximum is %d", total, w.max)
	}
	return w.from.Read(p)
}

func TestALogNeverExceedsItsMaximumAndKeepsTheEnd(t *testing.T) {
	const maxBytes = 10000
	input := bytes.Repeat([]byte("0123456789abcde\n"), 20000)
	input = append(input, "the end\n"...)
	for name, reader := range map[string]io.Reader{
		"large reads": bytes.NewReader(input), "small reads": iotest.HalfReader(bytes.NewReader(input[len(input)-60000:])),
	} {
		path := filepath.Join(t.TempDir(), "log")
		log, err := openLog(path, maxBytes)
		if err != nil {
			t.Fatal(err)
		}
		log.fill(watched{t, reader, path, maxBytes})
		current, _ := os.ReadFile(path)
		older, _ := os.ReadFile(path + ".1")
		kept := append(older, current...)
		if !bytes.HasSuffix(input, kept) || len(kept) < maxBytes/2-1 {
			t.Errorf("%s: kept %d bytes, not the end of the input", name, len(kept))
		}
		if log.lastLine() != "the end" {
			t.Errorf("%s: last line %q", name, log.lastLine())
		}
		log.close()
	}
}

func TestAnExistingLogIsContinued(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, content := range []string{"first\n", "second\n"} {
		log, err := openLog(path, 10000)
		if err != nil {
			t.Fatal(err)
		}
		log.fill(strings.NewReader(content))
		log.close()
	}
	if content, _ := os.ReadFile(path); string(content) != "first\nsecond\n" {
		t.Errorf("got %q", content)
	}
}

func TestALogThatCannotBeWrittenStillTakesEverything(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "gone")
	os.Mkdir(directory, 0o755)
	log, err := openLog(filepath.Join(directory, "log"), 10000)
	if err != nil {
		t.Fatal(err)
	}
	os.RemoveAll(directory)
	input := strings.NewReader(strings.Repeat("x", 100000) + "\n")
	log.fill(input)
	if input.Len() != 0 {
		t.Errorf("%d bytes were not taken", input.Len())
	}
}

func TestTheLastLineIsBoundedAndPrintable(t *testing.T) {
	log := &boundedLog{}
	log.remember([]byte("good\n\n  \n"))
	if got := log.lastLine(); got != "good" {
		t.Errorf("got %q", got)
	}
	log.remember([]byte("\x1b[31m\xff" + strings.Repeat("y", 5000)))
	if got := log.lastLine(); !strings.HasPrefix(got, "?[31m?y") || len(got) > lastLineLimit {
		t.Errorf("got %d bytes: %q", len(got), got[:10])
	}
}
