package files

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

func read(t *testing.T, c *Content, offset, length int64) (string, error) {
	t.Helper()
	var out bytes.Buffer
	w := dataframe.NewWriter(&out)
	defer w.Release()
	if err := c.Send(w, offset, length); err != nil {
		return "", err
	}
	must(t, w.Close())
	r := dataframe.NewReader(&out)
	defer r.Release()
	data, err := io.ReadAll(r)
	must(t, err)
	return string(data), nil
}

func open(t *testing.T, name string) *Content {
	t.Helper()
	c, err := OpenContent(name, "")
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestRangesOfAFile(t *testing.T) {
	name := write(t, t.TempDir()+"/f", "0123456789")
	c := open(t, name)
	for r, want := range map[[2]int64]string{
		{0, -1}: "0123456789", {3, -1}: "3456789", {3, 2}: "34", {8, 100}: "89", {10, -1}: "", {11, 5}: "", {0, 0}: "",
	} {
		if got, err := read(t, c, r[0], r[1]); err != nil || got != want {
			t.Errorf("%v: %q %v", r, got, err)
		}
	}
	must(t, os.Truncate(name, 5))
	_, err := read(t, c, 0, -1)
	wantCode(t, "shorter meanwhile", err, fileerr.Changed)
}

func TestTheEtagChangesWithTheFile(t *testing.T) {
	name := write(t, t.TempDir()+"/f", "0123456789")
	etag := open(t, name).Etag
	if c, err := OpenContent(name, etag); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	write(t, name, "x")
	_, err := OpenContent(name, etag)
	wantCode(t, "changed", err, fileerr.Changed)
}

func TestOnlyFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	must(t, unix.Mkfifo(dir+"/p", 0o600))
	for name, want := range map[string]fileerr.Code{
		dir: fileerr.IsDirectory, dir + "/p": fileerr.Failed, "/dev/zero": fileerr.Failed, dir + "/none": fileerr.NotFound,
	} {
		_, err := OpenContent(name, "")
		wantCode(t, name, err, want)
	}
}

func TestFilesOfTheKernelHaveTheirContent(t *testing.T) {
	if got, err := read(t, open(t, "/proc/self/status"), 0, -1); err != nil || !strings.Contains(got, "VmRSS") {
		t.Errorf("%q %v", got, err)
	}
	if got, err := read(t, open(t, "/sys/kernel/mm/transparent_hugepage/enabled"), 0, -1); err != nil || !strings.HasSuffix(got, "\n") {
		t.Logf("%q %v", got, err)
	}
}

func TestLines(t *testing.T) {
	name := t.TempDir() + "/f"
	var long strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&long, "line %d\n", i)
	}
	for _, c := range []struct {
		content        string
		offset, limit  int64
		want           string
		skipped, total int64
	}{
		{"", 0, 0, "", 0, 0},
		{"a", 0, 0, "a", 0, 1},
		{"a\n", 0, 0, "a\n", 0, 1},
		{"a\nb", 1, 0, "b", 1, 2},
		{"a\nb\n", 1, 1, "b\n", 1, 2},
		{"a\nb\nc\n", 1, 1, "b\n", 1, 3},
		{"a\nb\nc\n", 0, 2, "a\nb\n", 0, 3},
		{"a\nb", 2, 1, "", 2, 2},
		{"a\nb", 9, 1, "", 2, 2},
		{"\n\n\n", 1, 1, "\n", 1, 3},
		{"a\nb", 0, 1 << 62, "a\nb", 0, 2},
		{"a\nb", 1<<63 - 1, 1<<63 - 1, "", 2, 2},
		{long.String(), 99_998, 1, "line 99998\n", 99_998, 100_000},
		{long.String(), 30_000, 2, "line 30000\nline 30001\n", 30_000, 100_000},
	} {
		write(t, name, c.content)
		file := open(t, name)
		lines, err := file.FindLines(ctx, c.offset, c.limit)
		must(t, err)
		got, err := read(t, file, lines.Offset, lines.Length)
		if err != nil || got != c.want || lines.Skipped != c.skipped || lines.Total != c.total {
			t.Errorf("%.20q %d %d: %q %+v %v", c.content, c.offset, c.limit, got, lines, err)
		}
	}
}
