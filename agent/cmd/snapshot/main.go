// Command snapshot writes and reads snapshots as files, and moves them to and from registries.
//
//	snapshot pack   [flags] --output FILE NAME=PATH...
//	snapshot unpack [flags] --input FILE --dir DIR NAME=LIMIT[:SIZE]...
//	snapshot digest [flags] FILE
//	snapshot diff   [flags] --output FILE BASE FILE
//	snapshot apply  [flags] --output FILE BASE DIFFERENCE
//	snapshot push   [flags] --staging DIR REFERENCE NAME=PATH... [+ NAME=PATH...]...
//	snapshot pull   [flags] --dir DIR REFERENCE NAME=LIMIT[:SIZE]...
//
// It prints one JSON object a line on standard output, the last of which is `snapshot`, or `error` (package event).
// Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted by a signal or by the end of standard input under
// --stdin-lifeline.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"bandsox.dev/agent/internal/image/event"
	"bandsox.dev/agent/internal/image/fault"
)

const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// done is the final line of a run that succeeded.
type done struct {
	Type string `json:"type"` // "snapshot"
	// Digest is of the artifact in the registry, or of the one file that was asked for
	Digest string `json:"digest,omitempty"`
	// Digests are of the entries that were read, by name
	Digests map[string]string `json:"digests,omitempty"`
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout))
}

func run(args []string, stdin io.Reader, stdout io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signal.Ignore(syscall.SIGPIPE)
	events := event.NewWriter(stdout, cancel)
	options, err := parse(args)
	if err != nil {
		events.EmitFailure(fault.From(err))
		return exitUsage
	}
	if options.lifeline {
		go func() {
			io.Copy(io.Discard, stdin) // an error means the same as the end
			cancel()
		}()
	}
	final, err := options.act(ctx, events.Emit)
	if err == nil {
		final.Type = "snapshot"
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

type options struct {
	action               string
	lifeline             bool
	output, input        string
	dir, staging         string
	registries, platform string
	insecure             []string
	rest                 []string
}

func parse(args []string) (options, error) {
	if len(args) == 0 {
		return options{}, usage("want a subcommand: pack, unpack, digest, diff, apply, push or pull")
	}
	o := options{action: args[0]}
	if actions[o.action] == nil {
		return options{}, usage("%q is not a subcommand; pack, unpack, digest, diff, apply, push and pull are", o.action)
	}
	flags := flag.NewFlagSet(o.action, flag.ContinueOnError)
	flags.SetOutput(os.Stderr)
	flags.BoolVar(&o.lifeline, "stdin-lifeline", false, "stop when standard input ends")
	flags.StringVar(&o.output, "output", "", "file to write, which is new")
	flags.StringVar(&o.input, "input", "", "file to read")
	flags.StringVar(&o.dir, "dir", "", "directory to write to, which is empty")
	flags.StringVar(&o.staging, "staging", "", "directory for what is sent, which is empty")
	flags.StringVar(&o.registries, "registries", "", "file of registry settings; it need not exist")
	flags.StringVar(&o.platform, "platform", "linux/amd64", "os/arch of what is read")
	flags.Func("insecure", "host or host:port to speak plain http to; may be repeated", func(host string) error {
		o.insecure = append(o.insecure, host)
		return nil
	})
	if err := flags.Parse(args[1:]); err != nil {
		return options{}, usage("%s: %s", o.action, err)
	}
	o.rest = flags.Args()
	return o, nil
}

func (o options) act(ctx context.Context, emit func(any)) (done, error) {
	return actions[o.action](ctx, o, emit)
}

func usage(format string, args ...any) error {
	return fault.New(fault.Internal, "read arguments: %s", fmt.Sprintf(format, args...))
}
