// Command image fetches container images and builds base disks of them.
//
//	image fetch      --store DIR --platform OS/ARCH[/VARIANT] [flags] SOURCE
//	image build-disk --store DIR --manifest sha256:HEX --staging DIR --output FILE
//	                 --apparent-bytes N --max-content-bytes N [flags]
//
// It prints one JSON object a line on standard output (package event). Exit
// codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted by a signal, by the
// end of standard input under --stdin-lifeline, or by the loss of its reader.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/containerd/log"

	"bandsox.dev/agent/internal/image/event"
	"bandsox.dev/agent/internal/image/fault"
)

const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// cleanupGrace is how long an interrupted run may take to remove what it made.
const cleanupGrace = 30 * time.Second

// command runs with parsed flags and returns the final event.
type command func(ctx context.Context, emit func(any)) (any, error)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout))
}

func run(args []string, stdin io.Reader, stdout io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signal.Ignore(syscall.SIGPIPE) // a lost reader is noticed by the failed write, and cleaned up after
	log.SetLevel("error")          // containerd's: a layer may cause any number of warnings
	events := event.NewWriter(stdout, cancel)
	chosen, lifeline, err := parse(args)
	if err != nil {
		events.EmitFailure(fault.From(err))
		return exitUsage
	}
	if lifeline {
		go watch(stdin, cancel)
	}
	go insist(ctx)
	final, err := chosen(ctx, events.Emit)
	if err == nil {
		events.Emit(final)
		return exitDone
	}
	if ctx.Err() != nil {
		events.EmitFailure(fault.From(context.Canceled))
		return exitInterrupted
	}
	events.EmitFailure(fault.From(err))
	return exitFailed
}

// insist ends the process when cleaning up after an interruption hangs, say in a credential helper.
func insist(ctx context.Context) {
	<-ctx.Done()
	time.Sleep(cleanupGrace)
	os.Exit(exitInterrupted)
}

// watch cancels when the parent, which holds the other end of the pipe, is gone.
func watch(stdin io.Reader, cancel func()) {
	io.Copy(io.Discard, stdin) // an error means the same as the end
	cancel()
}

func parse(args []string) (chosen command, lifeline bool, err error) {
	if len(args) == 0 {
		return nil, false, usage("want a subcommand: fetch or build-disk")
	}
	switch args[0] {
	case "fetch":
		return parseFetch(args[1:])
	case "build-disk":
		return parseBuildDisk(args[1:])
	}
	return nil, false, usage("%q is not a subcommand; fetch and build-disk are", args[0])
}

func usage(format string, args ...any) error {
	return fault.New(fault.Internal, "read arguments: %s", fmt.Sprintf(format, args...))
}
