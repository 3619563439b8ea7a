package glob

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// parser reads a glob from left to right. The host reads globs the same way (packages/contract/src/glob.ts); both are
// held to testdata/cases.json.
type parser struct {
	glob []rune
	at   int
}

const end = rune(-1)

var (
	errOpenSet   = errors.New("a [ is not closed")
	errOpenBrace = errors.New("a { is not closed")
)

// translate makes an expression of what stands between two ends of a path.
func translate(glob string) (string, error) {
	p := &parser{glob: []rune(glob)}
	expression, err := p.sequence(0)
	if err == nil && p.at < len(p.glob) {
		err = errors.New("a } has no {")
	}
	return expression, err
}

// sequence reads up to the end, or within braces up to the `,` or `}` that ends an alternative.
func (p *parser) sequence(depth int) (string, error) {
	var expression strings.Builder
	startsName := true
	for {
		c := p.peek(0)
		if c == end || c == '}' || depth > 0 && c == ',' {
			return expression.String(), nil
		}
		part, startsNext, err := p.part(c, startsName, depth)
		if err != nil {
			return "", err
		}
		expression.WriteString(part)
		startsName = startsNext
	}
}

func (p *parser) part(c rune, startsName bool, depth int) (part string, startsNext bool, err error) {
	if c == '/' && p.isNames(1, depth) && p.endsAt(3, depth) {
		p.at += 3
		return "(?:/.*)?", false, nil
	}
	if startsName && p.isNames(0, depth) {
		if p.endsAt(2, depth) {
			p.at += 2
			return ".*", false, nil
		}
		p.at += 3
		return "(?:.*/)?", true, nil
	}
	p.at++
	switch c {
	case '*':
		return "[^/]*", false, nil
	case '?':
		return "[^/]", false, nil
	case '[':
		part, err = p.set()
		return part, false, err
	case '{':
		part, err = p.alternatives(depth)
		return part, false, err
	case '\\':
		c, err = p.next(errors.New("a \\ ends it"))
		return regexp.QuoteMeta(string(c)), c == '/', err
	}
	return regexp.QuoteMeta(string(c)), c == '/', nil
}

// isNames says whether `**` stands here in a name's place: at the end, or before a `/`.
func (p *parser) isNames(ahead, depth int) bool {
	return p.peek(ahead) == '*' && p.peek(ahead+1) == '*' && (p.peek(ahead+2) == '/' || p.endsAt(ahead+2, depth))
}

func (p *parser) endsAt(ahead, depth int) bool {
	c := p.peek(ahead)
	return c == end || depth > 0 && (c == ',' || c == '}')
}

func (p *parser) alternatives(depth int) (string, error) {
	var all []string
	for {
		one, err := p.sequence(depth + 1)
		if err != nil {
			return "", err
		}
		all = append(all, one)
		c, err := p.next(errOpenBrace)
		if err != nil {
			return "", err
		}
		if c == '}' {
			return "(?:" + strings.Join(all, "|") + ")", nil
		}
	}
}

// set reads a set after its `[`. A `/` is in none of them.
func (p *parser) set() (string, error) {
	negated := p.peek(0) == '!' || p.peek(0) == '^'
	members := "["
	if negated {
		p.at++
		members = "[^/"
	}
	for isEmpty := true; ; isEmpty = false {
		first, isMember, err := p.member()
		if err != nil {
			return "", err
		}
		if !isMember {
			if isEmpty {
				return "", errors.New("a [] is empty")
			}
			return members + "]", nil
		}
		last := first
		if p.peek(0) == '-' && p.peek(1) != ']' {
			p.at++
			if last, _, err = p.member(); err != nil {
				return "", err
			}
		}
		more, err := span(first, last, negated)
		if err != nil {
			return "", err
		}
		members += more
	}
}

// member reads the next member of a set; there is none at its end.
func (p *parser) member() (c rune, isMember bool, err error) {
	c, err = p.next(errOpenSet)
	if err != nil || c == ']' {
		return 0, false, err
	}
	if c == '\\' {
		c, err = p.next(errOpenSet)
	}
	return c, true, err
}

func (p *parser) peek(ahead int) rune {
	if p.at+ahead < len(p.glob) {
		return p.glob[p.at+ahead]
	}
	return end
}

func (p *parser) next(otherwise error) (rune, error) {
	c := p.peek(0)
	if c == end {
		return 0, otherwise
	}
	p.at++
	return c, nil
}

// span is the members of a set from one character to another, with a way round the `/` between them.
func span(first, last rune, negated bool) (string, error) {
	switch {
	case first > last:
		return "", fmt.Errorf("%c-%c goes backwards", first, last)
	case negated || first > '/' || last < '/':
		return between(first, last), nil
	case first == '/' && last == '/':
		return "", errors.New("a set has a /")
	}
	return between(first, '/'-1) + between('/'+1, last), nil
}

func between(first, last rune) string {
	if first > last {
		return ""
	}
	return fmt.Sprintf(`\x{%x}-\x{%x}`, first, last)
}
