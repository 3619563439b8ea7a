// Package clientid is the rule for ids that clients choose (PROTOCOL.md §5 to §7).
package clientid

import "strings"

const (
	// MaxLength is the longest id in bytes.
	MaxLength = 64
	alphabet  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
)

// Valid tells whether an id is 1 to 64 of A-Z a-z 0-9 _ -. So it may be part of a path, a header or a file's name. A
// regular expression would be compiled at each start of the agent, which takes long where the processor is emulated.
func Valid(id string) bool {
	return id != "" && len(id) <= MaxLength && strings.Trim(id, alphabet) == ""
}
