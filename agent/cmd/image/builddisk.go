package main

import (
	"context"
	"flag"
	"os"

	"bandsox.dev/agent/internal/image/blobstore"
	"bandsox.dev/agent/internal/image/disk"
	"bandsox.dev/agent/internal/image/layer"
)

type buildOptions struct {
	store, staging, output string
	manifest               digestFlag
	apparentBytes          int64
	maxContentBytes        int64
}

func parseBuildDisk(args []string) (command, bool, error) {
	var options buildOptions
	flags := flag.NewFlagSet("build-disk", flag.ContinueOnError)
	lifeline := flags.Bool("stdin-lifeline", false, "stop when standard input ends")
	flags.StringVar(&options.store, "store", "", "directory of the blob store")
	flags.Var(&options.manifest, "manifest", "digest of a manifest in the store")
	flags.StringVar(&options.staging, "staging", "", "directory to unpack in; made and removed")
	flags.StringVar(&options.output, "output", "", "file to make")
	flags.Int64Var(&options.apparentBytes, "apparent-bytes", 0, "apparent size of the disk")
	flags.Int64Var(&options.maxContentBytes, "max-content-bytes", 0, "most bytes all files of all layers may have together")
	required := []string{"store", "manifest", "staging", "output", "apparent-bytes", "max-content-bytes"}
	if err := parseFlags(flags, args, required...); err != nil {
		return nil, false, err
	}
	if flags.NArg() != 0 {
		return nil, false, usage("build-disk: unexpected arguments %q", flags.Args())
	}
	run := func(ctx context.Context, emit func(any)) (any, error) { return runBuildDisk(ctx, options, emit) }
	return run, *lifeline, nil
}

func runBuildDisk(ctx context.Context, options buildOptions, emit func(any)) (any, error) {
	if os.Geteuid() != 0 {
		return nil, enterUserNamespace(ctx) // returns only when it fails
	}
	store, err := blobstore.Open(options.store)
	if err != nil {
		return nil, err
	}
	return disk.Build(ctx, disk.Options{
		Store: store, Manifest: options.manifest.Hash,
		Staging: options.staging, Output: options.output, ApparentBytes: options.apparentBytes,
		Limits: layer.Limits{MaxBytes: options.maxContentBytes},
		Emit:   emit,
	})
}
