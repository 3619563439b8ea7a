package clientid

import (
	"regexp"
	"strings"
	"testing"
)

func TestValid(t *testing.T) {
	long := strings.Repeat("a", MaxLength)
	for id, want := range map[string]bool{
		"a": true, "Z": true, "0": true, "_": true, "-": true, "e_x-9": true, long: true,
		"": false, long + "a": false, ".": false, "..": false, "a/b": false, "a\x00": false, "a\n": false, "é": false, " a": false,
		"a b": false, "a.b": false, "\xff": false,
	} {
		if got := Valid(id); got != want {
			t.Errorf("%q: got %v", id, got)
		}
	}
}

func FuzzValid(f *testing.F) {
	rule := regexp.MustCompile(`\A[A-Za-z0-9_-]{1,64}\z`)
	for _, id := range []string{"", "a", "a-b_c", "a.b", strings.Repeat("x", 65)} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if Valid(id) != rule.MatchString(id) {
			t.Errorf("%q: got %v", id, Valid(id))
		}
	})
}
