package health

import (
	"math"
	"strconv"
	"strings"
)

// Pressure is the share of time, in percent, in which some or all tasks waited for a resource, over the last 10 and 60
// seconds.
type Pressure struct {
	Some10 float64 `json:"some10"`
	Some60 float64 `json:"some60"`
	Full10 float64 `json:"full10"`
	Full60 float64 `json:"full60"`
}

// parsePressure reads a file of /proc/pressure:
//
//	some avg10=0.00 avg60=1.50 avg300=0.10 total=1234
func parsePressure(text string) Pressure {
	var p Pressure
	for line := range strings.Lines(text) {
		kind, rest, _ := strings.Cut(line, " ")
		for _, field := range strings.Fields(rest) {
			name, value, _ := strings.Cut(field, "=")
			switch kind + " " + name {
			case "some avg10":
				p.Some10 = decimal(value)
			case "some avg60":
				p.Some60 = decimal(value)
			case "full avg10":
				p.Full10 = decimal(value)
			case "full avg60":
				p.Full60 = decimal(value)
			}
		}
	}
	return p
}

// parseLoad reads /proc/loadavg: the run queue over 1, 5 and 15 minutes.
func parseLoad(text string) (load [3]float64) {
	for i, field := range strings.Fields(text) {
		if i == len(load) {
			break
		}
		load[i] = decimal(field)
	}
	return load
}

// decimal is a finite non-negative number, 0 for what is none.
func decimal(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 || math.IsInf(n, 0) || math.IsNaN(n) {
		return 0
	}
	return n
}
