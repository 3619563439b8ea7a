package launch

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// launching is a launcher of shell scripts, reached through pipes.
type launching struct {
	t       *testing.T
	in      *io.PipeWriter
	answers *bufio.Scanner
	ended   chan int
}

func start(t *testing.T) *launching {
	t.Helper()
	read, in := io.Pipe()
	out, write := io.Pipe()
	l := &launching{t, in, bufio.NewScanner(out), make(chan int, 1)}
	go func() { l.ended <- Run("/bin/sh", read, write) }()
	t.Cleanup(func() { in.Close(); out.Close() })
	return l
}

func (l *launching) ask(format string, args ...any) {
	l.t.Helper()
	if _, err := fmt.Fprintf(l.in, format+"\n", args...); err != nil {
		l.t.Fatal(err)
	}
}

func (l *launching) script(text string) string {
	path := filepath.Join(l.t.TempDir(), "script")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return path
}

func (l *launching) answer() answer {
	l.t.Helper()
	if !l.answers.Scan() {
		l.t.Fatal("no answer")
	}
	var got answer
	if err := json.Unmarshal(l.answers.Bytes(), &got); err != nil {
		l.t.Fatalf("%q: %v", l.answers.Text(), err)
	}
	return got
}

func TestEventsAreTaggedAndTheEndIsLast(t *testing.T) {
	l := start(t)
	script := l.script(`echo '{"type":"started"}'; echo no event; pwd -P | sed 's/.*/"&"/'; exit 3`)
	l.ask(`{"id":7,"config":%q}`, script)
	if got := l.answer(); got.ID != 7 || string(got.Event) != `{"type":"started"}` {
		t.Errorf("got %+v", got)
	}
	if got := l.answer(); string(got.Event) != `"`+filepath.Dir(script)+`"` {
		t.Errorf("it runs in %s", got.Event)
	}
	if got := l.answer(); got.ID != 7 || got.Ended != "exit status 3" {
		t.Errorf("got %+v", got)
	}
}

func TestOneThatCannotBeStartedIsTold(t *testing.T) {
	l := start(t)
	l.ask(`{"id":1,"config":"/nowhere/launch.json"}`)
	if got := l.answer(); got.ID != 1 || !strings.Contains(got.Ended, "no such file") {
		t.Errorf("got %+v", got)
	}
}

func TestASignalReachesOneOfThem(t *testing.T) {
	l := start(t)
	waiting := `echo '"up"'; exec sleep 60`
	for id := 1; id <= 2; id++ {
		l.ask(`{"id":%d,"config":%q}`, id, l.script(waiting))
		l.answer()
	}
	l.ask(`{"id":9,"signal":9}`)
	l.ask(`{"id":2,"signal":15}`)
	if got := l.answer(); got.ID != 2 || got.Ended != "signal: terminated" {
		t.Errorf("got %+v", got)
	}
	l.ask(`{"id":1,"signal":9}`)
	if got := l.answer(); got.ID != 1 || got.Ended != "signal: killed" {
		t.Errorf("got %+v", got)
	}
}

func TestWhatIsLeftIsNotTold(t *testing.T) {
	l := start(t)
	l.ask(`{"id":1,"config":%q}`, l.script(`echo '"up"'; exec sleep 60`))
	l.answer()
	l.ask(`{"id":1,"leave":true}`)
	l.ask(`{"id":1,"signal":15}`)
	if got := l.answer(); got.Ended != "signal: terminated" {
		t.Errorf("got %+v", got)
	}
}

func TestNoRequestsAreTheEnd(t *testing.T) {
	l := start(t)
	l.in.Close()
	if status := <-l.ended; status != 0 {
		t.Errorf("got %d", status)
	}
	l = start(t)
	l.ask("no request")
	if status := <-l.ended; status != 2 {
		t.Errorf("got %d", status)
	}
}
