// Command supervise is the parent of one VM's VMM process.
//
//	supervise CONFIG.json
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"bandsox.dev/agent/internal/supervise"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: supervise CONFIG.json")
		os.Exit(2)
	}
	// There is one of these for every VM: memory matters more than collection work.
	debug.SetGCPercent(50)
	debug.SetMemoryLimit(32 << 20)
	os.Exit(supervise.Run(os.Args[1], os.Stdout))
}
