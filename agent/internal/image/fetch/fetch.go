// Package fetch brings all blobs of an image into a store.
//
// The manifest is stored last: a manifest in the store means that its config
// and layers were there, verified, at that moment.
package fetch

import (
	"context"
	"io"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"bandsox.dev/agent/internal/image/blobstore"
	"bandsox.dev/agent/internal/image/event"
	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/oci"
	"bandsox.dev/agent/internal/image/source"
)

const (
	parallelLayers   = 4
	progressInterval = 100 * time.Millisecond
	// resumableBytes is the size from which what arrived of a blob is worth keeping when the transfer ends early.
	resumableBytes = 64 << 10
)

// Options say what to fetch and where to.
type Options struct {
	Store    *blobstore.Store
	Platform v1.Platform
	// MaxBytes bounds the sum of the layers as they are transferred
	MaxBytes int64
	Emit     func(event any)
}

// Fetch stores an image's blobs and describes it.
func Fetch(ctx context.Context, image source.Image, options Options) (event.Image, error) {
	document, named, err := image.Resolve(ctx, options.Platform)
	if err != nil {
		return event.Image{}, err
	}
	options.Emit(event.Resolved{Type: "resolved", Reference: image.Reference(), Digest: named.String()})
	manifest, err := oci.ParseManifest(document)
	if err != nil {
		return event.Image{}, err
	}
	if err := checkTotal(manifest, options.MaxBytes); err != nil {
		return event.Image{}, err
	}
	config, err := fetchConfig(ctx, image, manifest, options)
	if err != nil {
		return event.Image{}, err
	}
	if err := fetchLayers(ctx, image, manifest, options); err != nil {
		return event.Image{}, err
	}
	if err := storeManifest(ctx, document, options); err != nil {
		return event.Image{}, err
	}
	return describe(document, manifest, config, options.Platform), nil
}

func checkTotal(manifest *v1.Manifest, limit int64) error {
	left := limit
	for _, layer := range manifest.Layers {
		if left -= layer.Size; left < 0 {
			return fault.New(fault.ImageTooLarge, "fetch: the layers have more than %d bytes", limit).With("limitBytes", limit)
		}
	}
	return nil
}

func fetchConfig(ctx context.Context, image source.Image, manifest *v1.Manifest, options Options) (*v1.ConfigFile, error) {
	if err := fetchBlob(ctx, image, manifest.Config, options); err != nil {
		return nil, err
	}
	raw, err := options.Store.Read(manifest.Config.Digest, oci.MaxDocumentBytes)
	if err != nil {
		return nil, err
	}
	config, err := oci.ParseConfig(raw, manifest)
	if err != nil {
		return nil, err
	}
	return config, oci.CheckPlatform(config, options.Platform)
}

func fetchLayers(ctx context.Context, image source.Image, manifest *v1.Manifest, options Options) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelLayers)
	seen := map[v1.Hash]bool{}
	for _, layer := range manifest.Layers {
		if seen[layer.Digest] {
			continue
		}
		seen[layer.Digest] = true
		group.Go(func() error { return fetchBlob(ctx, image, layer, options) })
	}
	return group.Wait()
}

// fetchBlob makes sure that one blob is in the store.
func fetchBlob(ctx context.Context, image source.Image, blob v1.Descriptor, options Options) error {
	report := reporter{blob: blob, emit: options.Emit}
	want := blobstore.Blob{Digest: blob.Digest, Size: blob.Size}
	present, err := options.Store.Has(ctx, want)
	if err != nil {
		return err
	}
	if present {
		report.say(event.Present, blob.Size)
		return nil
	}
	report.say(event.Started, 0)
	if err := transfer(ctx, image, blob, options.Store, report.progress); err != nil {
		return err
	}
	report.say(event.Done, blob.Size)
	return nil
}

func transfer(ctx context.Context, image source.Image, blob v1.Descriptor, store *blobstore.Store, progress func(int64)) error {
	want := blobstore.Blob{Digest: blob.Digest, Size: blob.Size}
	if resumable, ok := image.(source.Resumable); ok && blob.Size >= resumableBytes {
		open := func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			return resumable.OpenAt(ctx, blob, offset)
		}
		return store.PutResumable(ctx, want, open, progress)
	}
	content, err := image.Open(ctx, blob)
	if err != nil {
		return err
	}
	defer content.Close()
	return store.Put(ctx, want, content, progress)
}

func storeManifest(ctx context.Context, document oci.Document, options Options) error {
	descriptor := v1.Descriptor{Digest: document.Digest, Size: int64(len(document.Raw))}
	report := reporter{blob: descriptor, emit: options.Emit}
	present, err := options.Store.Has(ctx, blobstore.Blob{Digest: descriptor.Digest, Size: descriptor.Size})
	if err != nil {
		return err
	}
	if present {
		report.say(event.Present, descriptor.Size)
		return nil
	}
	report.say(event.Started, 0)
	if _, err := options.Store.PutBytes(ctx, document.Raw); err != nil {
		return err
	}
	report.say(event.Done, descriptor.Size)
	return nil
}

// reporter prints what becomes of one blob.
type reporter struct {
	blob v1.Descriptor
	emit func(any)
	last time.Time
}

func (r *reporter) say(state string, received int64) {
	r.last = time.Now()
	r.emit(event.Blob{
		Type: "blob", Digest: r.blob.Digest.String(), SizeBytes: r.blob.Size, State: state, ReceivedBytes: received,
	})
}

func (r *reporter) progress(received int64) {
	if time.Since(r.last) >= progressInterval {
		r.say(event.Progress, received)
	}
}

func describe(document oci.Document, manifest *v1.Manifest, config *v1.ConfigFile, platform v1.Platform) event.Image {
	layers := []event.Layer{}
	for index, layer := range manifest.Layers {
		layers = append(layers, event.Layer{
			Digest: layer.Digest.String(), SizeBytes: layer.Size,
			MediaType: string(layer.MediaType), DiffID: config.RootFS.DiffIDs[index].String(),
		})
	}
	return event.Image{
		Type: "image", Digest: document.Digest.String(), ConfigDigest: manifest.Config.Digest.String(),
		MediaType: string(document.MediaType), Layers: layers,
		Platform: actualPlatform(config, platform), Config: describeConfig(config.Config), Created: created(config),
	}
}

func describeConfig(config v1.Config) event.Config {
	ports := []string{}
	for port := range config.ExposedPorts {
		ports = append(ports, port)
	}
	slices.Sort(ports)
	labels := config.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	return event.Config{
		Env: orEmpty(config.Env), WorkingDir: config.WorkingDir, User: config.User,
		Entrypoint: orEmpty(config.Entrypoint), Cmd: orEmpty(config.Cmd),
		Labels: labels, ExposedPorts: ports, StopSignal: config.StopSignal,
	}
}

// actualPlatform is what the image was made for, which may be a lower variant than was asked for.
func actualPlatform(config *v1.ConfigFile, wanted v1.Platform) string {
	if config.OS == "" || config.Architecture == "" {
		return wanted.String()
	}
	return v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}.String()
}

func created(config *v1.ConfigFile) string {
	if config.Created.IsZero() {
		return ""
	}
	return config.Created.UTC().Format(time.RFC3339Nano)
}

func orEmpty(items []string) []string {
	if items == nil {
		return []string{}
	}
	return items
}
