package glob

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// cases are those the host's globs are held to as well.
func cases(t testing.TB) (matches [][3]any, invalid []string) {
	t.Helper()
	content, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Matches [][3]any
		Invalid []string
	}
	if err := json.Unmarshal(content, &table); err != nil || len(table.Matches) == 0 || len(table.Invalid) == 0 {
		t.Fatalf("testdata/cases.json is no table: %v", err)
	}
	return table.Matches, table.Invalid
}

func TestMatches(t *testing.T) {
	matches, _ := cases(t)
	for _, c := range matches {
		pattern, path, want := c[0].(string), c[1].(string), c[2].(bool)
		list, err := Parse([]string{"never", pattern})
		if err != nil || list.Matches(path) != want {
			t.Errorf("%q against %q: want %v, %v", pattern, path, want, err)
		}
	}
	if (List)(nil).Matches("a") {
		t.Error("no pattern matches something")
	}
}

func TestWhatIsNoPatternIsRefused(t *testing.T) {
	_, invalid := cases(t)
	for _, pattern := range invalid {
		if _, err := Parse([]string{pattern}); err == nil {
			t.Errorf("%.50q is taken", pattern)
		}
	}
	for _, patterns := range [][]string{{strings.Repeat("x", MaxPatternSize+1)}, make([]string, MaxPatterns+1)} {
		if _, err := Parse(patterns); err == nil {
			t.Errorf("%d patterns, the first of %d bytes, are taken", len(patterns), len(patterns[0]))
		}
	}
}

// A pattern is a pattern or refused; without magic it matches itself.
func FuzzParse(f *testing.F) {
	matches, invalid := cases(f)
	for _, c := range matches {
		f.Add(c[0].(string), c[1].(string))
	}
	for _, pattern := range invalid {
		f.Add(pattern, "")
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		list, err := Parse([]string{pattern})
		if err != nil {
			return
		}
		list.Matches(path)
		if !strings.ContainsAny(pattern, `*?[]{}\/`) && strings.ToValidUTF8(pattern, "") == pattern && !list.Matches("x/"+pattern) {
			t.Errorf("%q does not match itself", pattern)
		}
	})
}
