package kmsg

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// entry is one message of the kernel's log.
type entry struct {
	fromKernel bool // a process may write to the log as well, but not in the kernel's name
	since      time.Duration
	text       string
}

// parseEntry reads one record of /dev/kmsg: `priority,number,microseconds,flags[,…];text`, then lines of properties.
func parseEntry(record []byte) (entry, bool) {
	line, _, _ := bytes.Cut(record, []byte{'\n'})
	prefix, text, found := strings.Cut(string(line), ";")
	fields := strings.Split(prefix, ",")
	if !found || len(fields) < 4 {
		return entry{}, false
	}
	priority, err := strconv.ParseUint(fields[0], 10, 32)
	if err != nil {
		return entry{}, false
	}
	micros, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil || micros < 0 || micros > maxMicros {
		return entry{}, false
	}
	const levelBits = 3
	return entry{priority>>levelBits == 0, time.Duration(micros) * time.Microsecond, text}, true
}

// maxMicros is what a time.Duration holds, about 292 years.
const maxMicros = int64(1<<63-1) / int64(time.Microsecond)
