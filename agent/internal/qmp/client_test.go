package qmp

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"testing"
)

// serve plays QEMU: it greets and answers each line with what reply says.
func serve(t *testing.T, greeting string, reply func(line string) string) *Client {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	go func() {
		theirs.Write([]byte(greeting))
		for lines := bufio.NewScanner(theirs); lines.Scan(); {
			if answer := reply(lines.Text()); answer != "" {
				theirs.Write([]byte(answer))
			} else {
				theirs.Close()
			}
		}
	}()
	return New(ours, func(Event) {})
}

const greeting = `{"QMP":{"version":{}}}` + "\n"

func TestExecuteSkipsEventsAndDecodesTheAnswer(t *testing.T) {
	client := serve(t, greeting, func(line string) string {
		if strings.Contains(line, "query-status") {
			return `{"event":"STOP"}` + "\n" + `{"return":{"status":"paused"}}` + "\n"
		}
		return `{"return":{}}` + "\n"
	})
	var status struct{ Status string }
	if err := client.Execute("query-status", nil, &status); err != nil || status.Status != "paused" {
		t.Errorf("got %+v %v", status, err)
	}
}

func TestARefusalLeavesTheConnectionUsable(t *testing.T) {
	client := serve(t, greeting, func(line string) string {
		if strings.Contains(line, "bad") {
			return `{"error":{"class":"GenericError","desc":"no such file"}}` + "\n"
		}
		return `{"return":{}}` + "\n"
	})
	var refused *Error
	if err := client.Execute("bad", nil, nil); !errors.As(err, &refused) || refused.Description != "no such file" {
		t.Errorf("got %v", err)
	}
	if err := client.Execute("cont", nil, nil); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestABrokenConnectionStaysBroken(t *testing.T) {
	for name, client := range map[string]*Client{
		"hangs up":    serve(t, greeting, func(string) string { return "" }),
		"no greeting": serve(t, `{"return":{}}`+"\n", func(string) string { return `{"return":{}}` + "\n" }),
		"no JSON":     serve(t, "hello\n", func(string) string { return "" }),
	} {
		first := client.Execute("stop", nil, nil)
		if second := client.Execute("stop", nil, nil); first == nil || !errors.Is(second, first) {
			t.Errorf("%s: got %v, then %v", name, first, second)
		}
	}
}

func TestEventsAreToldInTheirOrderAlsoWhereNobodyAsks(t *testing.T) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	events := make(chan string, 8)
	New(ours, func(e Event) { events <- e.Name + string(e.Data) })
	go theirs.Write([]byte(greeting + `{"event":"VSERPORT_CHANGE","data":{"open":false,"id":"agent"}}` + "\n" + `{"event":"STOP"}` + "\n"))
	for _, want := range []string{`VSERPORT_CHANGE{"open":false,"id":"agent"}`, "STOP"} {
		if got := <-events; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAnswersThatNobodyAskedForEndTheConversation(t *testing.T) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	client := New(ours, func(Event) {})
	theirs.Write([]byte(greeting + strings.Repeat(`{"return":{}}`+"\n", 3)))
	if err := client.Execute("stop", nil, nil); err == nil {
		t.Error("it was taken for an answer")
	}
}
