package kmsg

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Records of Linux 6.1 and of 4.19, as /dev/kmsg gives them.
const (
	verdict = "6,512,93000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0," +
		"oom_memcg=/box,task_memcg=/box/in,task=sh,pid=71,pid=71,uid=0\n"
	inGroup = "3,513,93000100,-;Memory cgroup out of memory: Killed process 71 (sh,pid=71) total-vm:4300kB, " +
		"anon-rss:1000kB, file-rss:20kB, shmem-rss:4kB, UID:0 pgtables:44kB oom_score_adj:0\n SUBSYSTEM=x\n"
	machineWide = "3,900,94000000,-;Out of memory: Killed process 8 (python3) total-vm:90kB, anon-rss:2kB, " +
		"file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:44kB oom_score_adj:0\n"
	withUID = "3,901,95000000,-;Memory cgroup out of memory: Killed process 9 (a) b), UID 0, total-vm:90kB, " +
		"anon-rss:2kB, file-rss:1kB, shmem-rss:0kB\n"
	old = "3,902,96000000,-;Killed process 10 (x) total-vm:90kB, anon-rss:3kB, file-rss:0kB, shmem-rss:0kB\n"
)

func fed(records ...string) *Log {
	l := New()
	for _, record := range records {
		l.take([]byte(record), time.UnixMilli(1_000_000), 100*time.Second)
	}
	return l
}

func TestKillsOfAllFormsAreRecognised(t *testing.T) {
	got := fed(verdict, inGroup, machineWide, withUID, old).Kills()
	want := []Kill{
		{993_000, 71, "sh,pid=71", 1024 * 1024, "/box/in"},
		{994_000, 8, "python3", 2048, ""},
		{995_000, 9, "a) b", 3072, ""},
		{996_000, 10, "x", 3072, ""},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestAProcessCannotPretendAKill(t *testing.T) {
	asUser := "11" + strings.TrimPrefix(machineWide, "3") // facility 1, as the kernel marks what a process wrote
	quoted := "3,1,1,-;systemd: Out of memory: Killed process 8 (x) total-vm:1kB\n"
	if got := fed(asUser, quoted).Kills(); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestTheNewestKillsAreKept(t *testing.T) {
	l := New()
	for n := range 3 * KillLimit {
		record := strings.Replace(machineWide, "process 8 ", fmt.Sprintf("process %d ", n), 1)
		l.take([]byte(record), time.Now(), 0)
	}
	got := l.Kills()
	if len(got) != KillLimit || got[KillLimit-1].Pid != 3*KillLimit-1 || got[0].Pid != 2*KillLimit {
		t.Errorf("got %d: %v", len(got), got)
	}
}

func TestTheLogIsTextWithTimesAndBounded(t *testing.T) {
	if got := string(fed(old).Newest(1000)); !strings.HasPrefix(got, "[   96.000000] Killed process 10") ||
		!strings.HasSuffix(got, "kB\n") {
		t.Errorf("got %q", got)
	}
	l := New()
	for n := range 30_000 {
		l.take(fmt.Appendf(nil, "6,%d,1000000,-;line %d\n", n, n), time.Now(), 0)
	}
	all := string(l.Newest(TextLimit))
	if len(all) > TextLimit || len(all) < TextLimit/2 || !strings.HasPrefix(all, "[ ") || !strings.HasSuffix(all, "line 29999\n") {
		t.Errorf("kept %d bytes: %q…", len(all), all[:40])
	}
	if got := string(l.Newest(60)); got != "[    1.000000] line 29998\n[    1.000000] line 29999\n" {
		t.Errorf("got %q", got)
	}
	if got := l.Newest(5); len(got) != 0 {
		t.Errorf("half a line: %q", got)
	}
}

func FuzzRecords(f *testing.F) {
	for _, record := range []string{verdict, inGroup, machineWide, withUID, old, "1,2,3,-;", ";", "3,1,1,-;Killed process ("} {
		f.Add([]byte(record))
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		l := New()
		l.take(record, time.UnixMilli(5000), time.Second)
		for _, kill := range l.Kills() {
			if kill.Pid < 0 || kill.RSSBytes < 0 || kill.At > 5000 {
				t.Errorf("%q became %v", record, kill)
			}
		}
	})
}
