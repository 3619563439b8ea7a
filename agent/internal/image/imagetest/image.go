package imagetest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"bandsox.dev/agent/internal/image/blobstore"
	"bandsox.dev/agent/internal/image/fault"
)

// Created is when test images say they were made.
var Created = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// Image is an image and all its blobs, in memory.
type Image struct {
	Manifest v1.Descriptor
	Config   v1.Descriptor
	Layers   []v1.Descriptor
	Blobs    map[v1.Hash][]byte
}

// Blob is one layer as it travels and as it is applied.
type Blob struct {
	Plain, Packed []byte
	MediaType     types.MediaType
}

// PlainLayer is an uncompressed layer.
func PlainLayer(t testing.TB, entries ...Entry) Blob {
	plain := Tar(t, entries...)
	return Blob{plain, plain, types.OCIUncompressedLayer}
}

// GzipLayer is a gzip layer.
func GzipLayer(t testing.TB, entries ...Entry) Blob {
	plain := Tar(t, entries...)
	return Blob{plain, Gzip(t, plain), types.OCILayer}
}

// ZstdLayer is a zstd layer.
func ZstdLayer(t testing.TB, entries ...Entry) Blob {
	plain := Tar(t, entries...)
	return Blob{plain, Zstd(t, plain), types.OCILayerZStd}
}

// NewImage makes a linux/amd64 image; change may be nil.
func NewImage(t testing.TB, change func(*v1.ConfigFile, *v1.Manifest), layers ...Blob) Image {
	t.Helper()
	image := Image{Blobs: map[v1.Hash][]byte{}}
	config := &v1.ConfigFile{OS: "linux", Architecture: "amd64", Created: v1.Time{Time: Created}, RootFS: v1.RootFS{Type: "layers"}}
	manifest := &v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Layers: []v1.Descriptor{}}
	for _, layer := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, Digest(t, layer.Plain))
		manifest.Layers = append(manifest.Layers, image.add(t, layer.MediaType, layer.Packed))
	}
	manifest.Config.MediaType = types.OCIConfigJSON
	if change != nil {
		change(config, manifest)
	}
	manifest.Config = image.add(t, manifest.Config.MediaType, marshal(t, config))
	image.Config, image.Layers = manifest.Config, manifest.Layers
	image.Manifest = image.add(t, manifest.MediaType, marshal(t, manifest))
	return image
}

func (i *Image) add(t testing.TB, mediaType types.MediaType, content []byte) v1.Descriptor {
	digest := Digest(t, content)
	i.Blobs[digest] = content
	return v1.Descriptor{MediaType: mediaType, Digest: digest, Size: int64(len(content))}
}

// Store puts all blobs into a new store in a temporary directory.
func (i Image) Store(t testing.TB) *blobstore.Store {
	t.Helper()
	store := NewStore(t)
	for _, content := range i.Blobs {
		_, err := store.PutBytes(context.Background(), content)
		Must(t, err)
	}
	return store
}

// WriteLayout writes the image as an OCI layout with one tag.
func (i Image) WriteLayout(t testing.TB, dir, tag string) {
	t.Helper()
	blobs := filepath.Join(dir, "blobs", "sha256")
	Must(t, os.MkdirAll(blobs, 0o755))
	for digest, content := range i.Blobs {
		Must(t, os.WriteFile(filepath.Join(blobs, digest.Hex), content, 0o644))
	}
	entry := i.Manifest
	entry.Annotations = map[string]string{"org.opencontainers.image.ref.name": tag}
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{entry}}
	Must(t, os.WriteFile(filepath.Join(dir, "index.json"), marshal(t, index), 0o644))
	Must(t, os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644))
}

// NewStore is an empty store in a temporary directory.
func NewStore(t testing.TB) *blobstore.Store {
	t.Helper()
	store, err := blobstore.Open(t.TempDir())
	Must(t, err)
	return store
}

// Digest is the sha256 of some bytes.
func Digest(t testing.TB, content []byte) v1.Hash {
	t.Helper()
	digest, _, err := v1.SHA256(bytes.NewReader(content))
	Must(t, err)
	return digest
}

func marshal(t testing.TB, value any) []byte {
	t.Helper()
	content, err := json.Marshal(value)
	Must(t, err)
	return content
}

// WantCode fails the test unless err carries a code, and returns the error.
func WantCode(t testing.TB, err error, code fault.Code) *fault.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("succeeded, want %s", code)
	}
	got := fault.From(err)
	if got.Code != code {
		t.Fatalf("got %s (%s), want %s", got.Code, got.Message, code)
	}
	return got
}
