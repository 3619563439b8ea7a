package fetch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	inprocess "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"bandsox.dev/agent/internal/image/blobstore"
	"bandsox.dev/agent/internal/image/event"
	"bandsox.dev/agent/internal/image/fetch"
	. "bandsox.dev/agent/internal/image/imagetest"
	"bandsox.dev/agent/internal/image/registry"
	"bandsox.dev/agent/internal/image/source"
)

const repository = "some/app"

// host is a registry on loopback whose answers a test may alter.
type host struct {
	*httptest.Server
	inner http.Handler
}

// newHost serves an empty registry; around may be nil.
func newHost(t *testing.T, around func(http.Handler) http.Handler) *host {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	inner := inprocess.New(inprocess.Logger(log.New(io.Discard, "", 0)))
	outer := http.Handler(inner)
	if around != nil {
		outer = around(inner)
	}
	server := httptest.NewServer(outer)
	t.Cleanup(server.Close)
	return &host{server, inner}
}

func (h *host) name(tag string) string {
	return strings.TrimPrefix(h.URL, "http://") + "/" + repository + tag
}

// push stores an image under a tag, past whatever is around the registry.
func (h *host) push(t *testing.T, image Image, tag string) {
	t.Helper()
	for digest, content := range image.Blobs {
		if digest != image.Manifest.Digest {
			h.send(t, http.MethodPost, "/blobs/uploads/?digest="+digest.String(), "", content)
		}
	}
	h.pushManifest(t, tag, image.Manifest.MediaType, image.Blobs[image.Manifest.Digest])
	h.pushManifest(t, image.Manifest.Digest.String(), image.Manifest.MediaType, image.Blobs[image.Manifest.Digest])
}

func (h *host) pushManifest(t *testing.T, tag string, mediaType types.MediaType, raw []byte) {
	t.Helper()
	h.send(t, http.MethodPut, "/manifests/"+tag, mediaType, raw)
}

func (h *host) send(t *testing.T, method, path string, mediaType types.MediaType, content []byte) {
	t.Helper()
	request := httptest.NewRequest(method, "/v2/"+repository+path, bytes.NewReader(content))
	request.Header.Set("Content-Type", string(mediaType))
	recorder := httptest.NewRecorder()
	h.inner.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusCreated {
		t.Fatalf("%s %s: %d %s", method, path, recorder.Code, recorder.Body)
	}
}

// indexOf is an OCI index of images by platform.
func indexOf(t *testing.T, entries map[string]v1.Descriptor) []byte {
	t.Helper()
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	names := []string{}
	for name := range entries {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		entry := entries[name]
		platform, err := v1.ParsePlatform(name)
		Must(t, err)
		entry.Platform = platform
		index.Manifests = append(index.Manifests, entry)
	}
	raw, err := json.Marshal(index)
	Must(t, err)
	return raw
}

// outcome is what a fetch did.
type outcome struct {
	store  *blobstore.Store
	dir    string
	events []any
	image  event.Image
	err    error
}

var quick = registry.Options{
	Backoff:      transport.Backoff{Duration: time.Millisecond, Factor: 1, Steps: 3},
	StallTimeout: 300 * time.Millisecond,
}

// pull fetches a source into a new store; options may be nil.
func pull(t *testing.T, ctx context.Context, text, platform string, options func(*source.Options)) outcome {
	t.Helper()
	dir := t.TempDir()
	return pullInto(t, ctx, dir, text, platform, options)
}

func pullInto(t *testing.T, ctx context.Context, dir, text, platform string, options func(*source.Options)) outcome {
	t.Helper()
	store, err := blobstore.Open(dir)
	Must(t, err)
	result := outcome{store: store, dir: dir}
	sourceOptions := source.Options{Store: store, MaxBytes: 1 << 30, Registry: quick}
	if options != nil {
		options(&sourceOptions)
	}
	image, err := source.Parse(text, sourceOptions)
	if err != nil {
		result.err = err
		return result
	}
	wanted, err := v1.ParsePlatform(platform)
	Must(t, err)
	events := make(chan any, 1000)
	result.image, result.err = fetch.Fetch(ctx, image, fetch.Options{
		Store: store, Platform: *wanted, MaxBytes: sourceOptions.MaxBytes, Emit: func(e any) { events <- e },
	})
	close(events)
	for e := range events {
		result.events = append(result.events, e)
	}
	return result
}

// wantNoLayers checks that no layer reached the store and no scratch file remains.
func (o outcome) wantNoLayers(t *testing.T, image Image) {
	t.Helper()
	for _, layer := range image.Layers {
		if _, err := os.Stat(o.store.Path(layer.Digest)); err == nil {
			t.Errorf("layer %s is in the store", layer.Digest)
		}
	}
	if _, err := os.Stat(o.store.Path(image.Manifest.Digest)); err == nil {
		t.Error("the manifest is in the store")
	}
	o.wantNoScratch(t)
}

func (o outcome) wantNoScratch(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(o.dir, "tmp"))
	Must(t, err)
	if len(entries) > 0 {
		t.Errorf("tmp holds %v", entries)
	}
}

// wantBlobs checks that the store has all blobs of an image, and nothing else.
func (o outcome) wantBlobs(t *testing.T, image Image) {
	t.Helper()
	Must(t, o.err)
	for digest, content := range image.Blobs {
		got, err := o.store.Read(digest, 1<<30)
		Must(t, err)
		if !bytes.Equal(got, content) {
			t.Errorf("%s differs", digest)
		}
	}
	entries, err := os.ReadDir(filepath.Join(o.dir, "blobs", "sha256"))
	Must(t, err)
	if len(entries) != len(image.Blobs) {
		t.Errorf("the store has %d blobs, want %d", len(entries), len(image.Blobs))
	}
	o.wantNoScratch(t)
}

func (o outcome) states() map[string][]string {
	states := map[string][]string{}
	for _, e := range o.events {
		if blob, ok := e.(event.Blob); ok && blob.State != event.Progress {
			states[blob.Digest] = append(states[blob.Digest], blob.State)
		}
	}
	return states
}
