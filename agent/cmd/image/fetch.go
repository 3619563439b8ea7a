package main

import (
	"context"
	"flag"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/blobstore"
	"bandsox.dev/agent/internal/image/event"
	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/fetch"
	"bandsox.dev/agent/internal/image/oci"
	"bandsox.dev/agent/internal/image/registry"
	"bandsox.dev/agent/internal/image/source"
)

const (
	defaultMaxBytes = 64 << 30
	// credsVariable holds `user:password` for the registry; a flag would show it to every process
	credsVariable = "BANDSOX_REGISTRY_CREDS"
)

type fetchOptions struct {
	store, platform, source string
	registries              string
	maxBytes                int64
	insecure, env           listFlag
	cmd, entrypoint         jsonListFlag
	workdir, user           string
}

func parseFetch(args []string) (command, bool, error) {
	var options fetchOptions
	flags := flag.NewFlagSet("fetch", flag.ContinueOnError)
	lifeline := flags.Bool("stdin-lifeline", false, "stop when standard input ends")
	flags.StringVar(&options.store, "store", "", "directory of the blob store")
	flags.StringVar(&options.platform, "platform", "", "os/arch[/variant] to select")
	flags.Int64Var(&options.maxBytes, "max-bytes", defaultMaxBytes, "most bytes all layers may have together")
	flags.Var(&options.insecure, "insecure", "host or host:port to speak plain http to; may be repeated")
	flags.StringVar(&options.registries, "registries", "", "file of registry settings; it need not exist")
	flags.Var(&options.env, "env", "K=V for the config of dir: and tar: sources; may be repeated")
	flags.Var(&options.cmd, "cmd", "JSON array for the config of dir: and tar: sources")
	flags.Var(&options.entrypoint, "entrypoint", "JSON array for the config of dir: and tar: sources")
	flags.StringVar(&options.workdir, "workdir", "", "working directory for the config of dir: and tar: sources")
	flags.StringVar(&options.user, "user", "", "user for the config of dir: and tar: sources")
	if err := parseFlags(flags, args, "store", "platform"); err != nil {
		return nil, false, err
	}
	if flags.NArg() != 1 {
		return nil, false, usage("fetch: want one source, got %q", flags.Args())
	}
	options.source = flags.Arg(0)
	platform, err := oci.ParsePlatform(options.platform)
	if err != nil {
		return nil, false, err
	}
	if !source.TakesRunConfig(options.source) && options.hasRunConfig() {
		return nil, false, fault.New(fault.InvalidArgument, "read %s: what runs in it is its own to say; that can be given for dir: and tar: sources only",
			options.source).With("field", "config").With("found", options.source)
	}
	run := func(ctx context.Context, emit func(any)) (any, error) { return runFetch(ctx, options, platform, emit) }
	return run, *lifeline, nil
}

func (o fetchOptions) hasRunConfig() bool {
	return len(o.env)+len(o.cmd)+len(o.entrypoint) > 0 || o.workdir != "" || o.user != ""
}

func runFetch(ctx context.Context, options fetchOptions, platform v1.Platform, emit func(any)) (any, error) {
	store, err := blobstore.Open(options.store)
	if err != nil {
		return nil, err
	}
	settings, err := registry.ReadSettings(options.registries)
	if err != nil {
		return nil, err
	}
	waiting := func(host string, wait time.Duration) {
		emit(event.Wait{Type: "wait", Registry: host, WaitMs: wait.Milliseconds()})
	}
	image, err := source.Parse(options.source, source.Options{
		Store:    store,
		MaxBytes: options.maxBytes,
		Registry: registry.Options{
			Insecure: options.insecure, Settings: settings, Creds: os.Getenv(credsVariable), OnWait: waiting,
		},
		Run: v1.Config{
			Env: options.env, Cmd: options.cmd, Entrypoint: options.entrypoint,
			WorkingDir: options.workdir, User: options.user,
		},
	})
	if err != nil {
		return nil, err
	}
	return fetch.Fetch(ctx, image, fetch.Options{Store: store, Platform: platform, MaxBytes: options.maxBytes, Emit: emit})
}
