package main

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/event"
	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/oci"
	"bandsox.dev/agent/internal/image/registry"
	"bandsox.dev/agent/internal/snapshotfile"
)

// credsVariable holds `user:password` for the registry; a flag would show it to every process
const credsVariable = "BANDSOX_REGISTRY_CREDS"

var actions = map[string]func(ctx context.Context, o options, emit func(any)) (done, error){
	"pack":   pack,
	"unpack": unpack,
	"digest": digest,
	"diff":   difference,
	"apply":  apply,
	"push":   push,
	"pull":   pull,
}

func pack(ctx context.Context, o options, _ func(any)) (done, error) {
	sources, err := parseSources(o.rest)
	if err != nil {
		return done{}, err
	}
	file, err := os.OpenFile(o.output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return done{}, fault.File("write", o.output, err)
	}
	err = snapshotfile.Write(ctx, file, sources)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return done{}, fault.File("write", o.output, err)
	}
	return done{}, nil
}

func unpack(ctx context.Context, o options, _ func(any)) (done, error) {
	wanted, err := parseWanted(o.rest)
	if err != nil {
		return done{}, err
	}
	file, err := os.Open(o.input)
	if err != nil {
		return done{}, fault.File("read", o.input, err)
	}
	defer file.Close()
	digests, err := snapshotfile.Read(ctx, file, o.dir, wanted)
	return done{Digests: digests}, err
}

func digest(ctx context.Context, o options, _ func(any)) (done, error) {
	if len(o.rest) != 1 {
		return done{}, usage("digest: want one file, got %q", o.rest)
	}
	found, err := snapshotfile.Digest(ctx, o.rest[0])
	return done{Digest: found}, err
}

func difference(ctx context.Context, o options, _ func(any)) (done, error) {
	if len(o.rest) != 2 {
		return done{}, usage("diff: want a base and a file, got %q", o.rest)
	}
	return done{}, snapshotfile.WriteDifference(ctx, o.rest[0], o.rest[1], o.output)
}

func apply(ctx context.Context, o options, _ func(any)) (done, error) {
	if len(o.rest) != 2 {
		return done{}, usage("apply: want a base and a difference, got %q", o.rest)
	}
	return done{}, snapshotfile.ApplyDifference(ctx, o.rest[0], o.rest[1], o.output)
}

func push(ctx context.Context, o options, emit func(any)) (done, error) {
	if len(o.rest) < 2 {
		return done{}, usage("push: want a reference and files, got %q", o.rest)
	}
	groups, err := parseGroups(o.rest[1:])
	if err != nil {
		return done{}, err
	}
	target, err := o.open(emit)
	if err != nil {
		return done{}, err
	}
	artifact, err := snapshotfile.Artifact(ctx, o.staging, groups)
	if err != nil {
		return done{}, err
	}
	digest, err := target.Push(ctx, artifact)
	return done{Digest: digest.String()}, err
}

func pull(ctx context.Context, o options, emit func(any)) (done, error) {
	if len(o.rest) < 2 {
		return done{}, usage("pull: want a reference and files, got %q", o.rest)
	}
	wanted, err := parseWanted(o.rest[1:])
	if err != nil {
		return done{}, err
	}
	source, err := o.open(emit)
	if err != nil {
		return done{}, err
	}
	platform, err := oci.ParsePlatform(o.platform)
	if err != nil {
		return done{}, err
	}
	document, _, err := source.Resolve(ctx, platform)
	if err != nil {
		return done{}, err
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(document.Raw))
	if err != nil {
		return done{}, fault.New(fault.SnapshotInvalid, "pull %s: read its manifest: %w", source.Reference(), err)
	}
	digests, err := snapshotfile.ReadArtifact(ctx, manifest, source, o.dir, wanted)
	return done{Digest: document.Digest.String(), Digests: digests}, err
}

// open is the registry of the reference that comes first.
func (o options) open(emit func(any)) (*registry.Image, error) {
	settings, err := registry.ReadSettings(o.registries)
	if err != nil {
		return nil, err
	}
	waiting := func(host string, wait time.Duration) {
		emit(event.Wait{Type: "wait", Registry: host, WaitMs: wait.Milliseconds()})
	}
	return registry.Parse(o.rest[0], registry.Options{
		Insecure: o.insecure, Settings: settings, Creds: os.Getenv(credsVariable), OnWait: waiting,
	})
}

func parseSources(args []string) ([]snapshotfile.Source, error) {
	var sources []snapshotfile.Source
	for _, arg := range args {
		name, path, ok := strings.Cut(arg, "=")
		if !ok || name == "" || path == "" {
			return nil, usage("want NAME=PATH, got %q", arg)
		}
		sources = append(sources, snapshotfile.Source{Name: name, Path: path})
	}
	return sources, nil
}

func parseGroups(args []string) ([][]snapshotfile.Source, error) {
	var groups [][]snapshotfile.Source
	for from := 0; from <= len(args); {
		to := from
		for to < len(args) && args[to] != "+" {
			to++
		}
		group, err := parseSources(args[from:to])
		if err != nil {
			return nil, err
		}
		groups = append(groups, group)
		from = to + 1
	}
	return groups, nil
}

func parseWanted(args []string) (map[string]snapshotfile.Wanted, error) {
	wanted := map[string]snapshotfile.Wanted{}
	for _, arg := range args {
		name, sizes, _ := strings.Cut(arg, "=")
		limit, size, exact := strings.Cut(sizes, ":")
		want := snapshotfile.Wanted{}
		var err error
		if want.Limit, err = strconv.ParseInt(limit, 10, 64); err != nil {
			return nil, usage("want NAME=LIMIT[:SIZE], got %q", arg)
		}
		if exact {
			if want.Size, err = strconv.ParseInt(size, 10, 64); err != nil {
				return nil, usage("want NAME=LIMIT[:SIZE], got %q", arg)
			}
		}
		wanted[name] = want
	}
	return wanted, nil
}
