// Package glob decides which paths of a tree are meant: `*`, `?`, `[…]` within a name, `**` for any number of names. A
// pattern without a slash matches a name at any depth, one with a slash the path below the tree's root.
package glob

import (
	"fmt"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Bounds of a list of patterns: how many, and the bytes of each.
const (
	MaxPatterns    = 256
	MaxPatternSize = 1024
)

// List matches what one of its patterns matches. The nil list matches nothing.
type List []pattern

type pattern struct {
	text     string
	anyDepth bool
}

// Parse checks patterns. A slash at the end means nothing, one in front ties a lone name to the root.
func Parse(patterns []string) (List, error) {
	if len(patterns) > MaxPatterns {
		return nil, fmt.Errorf("%d patterns are given, at most %d are taken", len(patterns), MaxPatterns)
	}
	var list List
	for _, text := range patterns {
		p := strings.TrimRight(text, "/")
		p, anchored := strings.CutPrefix(p, "/")
		if p == "" || len(p) > MaxPatternSize || !doublestar.ValidatePattern(p) {
			return nil, fmt.Errorf("%.100q is not a pattern of 1 to %d bytes", text, MaxPatternSize)
		}
		list = append(list, pattern{text: p, anyDepth: !anchored && !strings.Contains(p, "/")})
	}
	return list, nil
}

// Matches says whether the path below the root is meant itself. What is below a directory that is meant, is up to the
// caller.
func (l List) Matches(below string) bool {
	for _, p := range l {
		subject := below
		if p.anyDepth {
			subject = path.Base(below)
		}
		if doublestar.MatchUnvalidated(p.text, subject) {
			return true
		}
	}
	return false
}
