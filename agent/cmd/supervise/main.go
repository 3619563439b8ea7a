// Command supervise is the parent of one VM's VMM process.
//
//	supervise CONFIG.json
//	supervise --launch    starts supervisors that it is asked for on its standard input
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"bandsox.dev/agent/internal/launch"
	"bandsox.dev/agent/internal/supervise"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: supervise CONFIG.json | --launch")
		os.Exit(2)
	}
	// What it carries is one short step after the other: more threads would only wake each other, a sixth of a smallest
	// call's time.
	runtime.GOMAXPROCS(1)
	// There is one of these for every VM: memory matters more than collection work.
	debug.SetGCPercent(50)
	debug.SetMemoryLimit(32 << 20)
	if os.Args[1] == "--launch" {
		self, err := os.Executable()
		if err != nil {
			fmt.Fprintln(os.Stderr, "supervise:", err)
			os.Exit(1)
		}
		os.Exit(launch.Run(self, os.Stdin, os.Stdout))
	}
	os.Exit(supervise.Run(os.Args[1], os.Stdout))
}
