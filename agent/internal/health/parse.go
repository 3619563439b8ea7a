package health

import (
	"strconv"
	"strings"
)

// most bounds a number of the kernel, so that sums and products of a few cannot overflow.
const most = 1 << 56

// number is a non-negative decimal; what is none counts as 0, because one odd line must not hide all others.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return min(n, most)
}

// numbers is the first count of fields as numbers, 0 where there are fewer.
func numbers(fields []string, count int) []int64 {
	parsed := make([]int64, count)
	for i := range min(count, len(fields)) {
		parsed[i] = number(fields[i])
	}
	return parsed
}

// values reads lines of `name: value` or `name value`, with whatever follows.
func values(text string) map[string]int64 {
	found := map[string]int64{}
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) >= 2 {
			found[strings.TrimSuffix(fields[0], ":")] = number(fields[1])
		}
	}
	return found
}
