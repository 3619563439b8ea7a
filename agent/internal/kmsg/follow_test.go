package kmsg

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openLog is a log whose records are messages on a socket, one with each read as of /dev/kmsg; say adds one.
func openLog(t *testing.T) (l *Log, say func(text string)) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	l = New()
	l.from, l.caughtUp = os.NewFile(uintptr(ends[0]), "log"), make(chan struct{})
	t.Cleanup(func() { unix.Close(ends[1]) })
	records := 0
	return l, func(text string) {
		t.Helper()
		records++
		if _, err := unix.Write(ends[1], fmt.Appendf(nil, "6,%d,%d,-;%s\n", records, records*1_000_000, text)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatWasSaidBeforeIsKnownWhenItIsAskedFor(t *testing.T) {
	l, say := openLog(t)
	for n := range 100 {
		say(fmt.Sprintf("line %d", n))
	}
	if got := string(l.Newest(TextLimit)); strings.Count(got, "\n") != 100 || !strings.HasSuffix(got, "line 99\n") {
		t.Errorf("got %q", got)
	}
}

func TestWhatIsSaidLaterIsTakenInAsItComes(t *testing.T) {
	l, say := openLog(t)
	l.Follow()
	l.Follow()
	if got := l.Newest(100); len(got) > 0 {
		t.Errorf("got %q", got)
	}
	say("later")
	for end := time.Now().Add(5 * time.Second); len(l.Newest(100)) == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if got := string(l.Newest(100)); got != "[    1.000000] later\n" {
		t.Errorf("got %q", got)
	}
}
