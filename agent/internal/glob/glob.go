// Package glob decides which paths of a tree are meant: `*`, `?`, `[…]` within a name, `**` for any number of names,
// `{a,b}` for either. A pattern without a slash matches a name at any depth, one with a slash the path below the tree's
// root.
package glob

import (
	"fmt"
	"regexp"
	"strings"
)

// Bounds of a list of patterns: how many, and the bytes of each.
const (
	MaxPatterns    = 256
	MaxPatternSize = 1024
)

// List matches what one of its patterns matches. The nil list matches nothing.
type List []*regexp.Regexp

// Parse checks patterns. A slash at the end means nothing, one in front ties a lone name to the root.
func Parse(patterns []string) (List, error) {
	if len(patterns) > MaxPatterns {
		return nil, fmt.Errorf("%d patterns are given, at most %d are taken", len(patterns), MaxPatterns)
	}
	var list List
	for _, text := range patterns {
		expression, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("%.100q is no pattern of 1 to %d bytes: %w", text, MaxPatternSize, err)
		}
		list = append(list, expression)
	}
	return list, nil
}

func parse(text string) (*regexp.Regexp, error) {
	trimmed := strings.TrimRight(text, "/")
	body := strings.TrimPrefix(trimmed, "/")
	if body == "" || len(body) > MaxPatternSize {
		return nil, fmt.Errorf("it has %d", len(body))
	}
	expression, err := translate(body)
	if err != nil {
		return nil, err
	}
	anyDepth := ""
	if !strings.Contains(trimmed, "/") {
		anyDepth = "(?:.*/)?"
	}
	return regexp.Compile("(?s)^" + anyDepth + expression + "$")
}

// Matches says whether the path below the root is meant itself. What is below a directory that is meant, is up to the
// caller.
func (l List) Matches(below string) bool {
	for _, expression := range l {
		if expression.MatchString(below) {
			return true
		}
	}
	return false
}
