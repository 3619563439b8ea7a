package glob

import (
	"strings"
	"testing"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"*.go", "a.go", true},
		{"*.go", "deep/er/a.go", true},
		{"node_modules", "a/node_modules", true},
		{"/build", "build", true},
		{"/build", "a/build", false},
		{"a/*", "a/b", true},
		{"a/*", "a/b/c", false},
		{"a/*", "x/a/b", false},
		{"a/**/c", "a/c", true},
		{"a/**/c", "a/1/2/c", true},
		{"dir/", "x/dir", true},
		{"[ab]?", "bx", true},
		{"[ab]?", "cx", false},
		{"*", ".hidden", true},
	} {
		list, err := Parse([]string{"never", c.pattern})
		if err != nil || list.Matches(c.path) != c.want {
			t.Errorf("%s against %s: want %v, %v", c.pattern, c.path, c.want, err)
		}
	}
	if (List)(nil).Matches("a") {
		t.Error("no pattern matches something")
	}
}

func TestWhatIsNoPatternIsRefused(t *testing.T) {
	for _, patterns := range [][]string{{""}, {"/"}, {"[a"}, {strings.Repeat("x", MaxPatternSize+1)}, make([]string, MaxPatterns+1)} {
		if _, err := Parse(patterns); err == nil {
			t.Errorf("%.50q is taken", patterns)
		}
	}
}
