package snapshotfile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"bandsox.dev/agent/internal/image/fault"
)

// A snapshot in a registry is an artifact whose layers are archives of this package, each of some of its files.
const (
	ConfigType types.MediaType = "application/vnd.bandsox.snapshot.config.v1+json"
	LayerType  types.MediaType = "application/vnd.bandsox.snapshot.layer.v1.tar+zstd"
	maxLayers                  = 16
)

// Artifact makes an image of archives, one layer for each group of files, which it writes below staging.
func Artifact(ctx context.Context, staging string, groups [][]Source) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), ConfigType)
	for i, group := range groups {
		layer, err := makeLayer(ctx, filepath.Join(staging, fmt.Sprintf("layer-%d", i)), group)
		if err != nil {
			return nil, err
		}
		image, err = mutate.Append(image, mutate.Addendum{Layer: layer, MediaType: LayerType})
		if err != nil {
			return nil, err
		}
	}
	return image, nil
}

func makeLayer(ctx context.Context, path string, sources []Source) (v1.Layer, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fault.File("write", path, err)
	}
	sum := sha256.New()
	err = Write(ctx, io.MultiWriter(file, sum), sources)
	info, statErr := file.Stat()
	closeErr := file.Close()
	for _, failed := range []error{err, statErr, closeErr} {
		if failed != nil {
			return nil, fault.File("write", path, failed)
		}
	}
	return archiveLayer{path, v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}, info.Size()}, nil
}

// archiveLayer is an archive in a file as a layer.
type archiveLayer struct {
	path   string
	digest v1.Hash
	size   int64
}

func (l archiveLayer) Digest() (v1.Hash, error)             { return l.digest, nil }
func (l archiveLayer) DiffID() (v1.Hash, error)             { return l.digest, nil }
func (l archiveLayer) Size() (int64, error)                 { return l.size, nil }
func (l archiveLayer) MediaType() (types.MediaType, error)  { return LayerType, nil }
func (l archiveLayer) Compressed() (io.ReadCloser, error)   { return os.Open(l.path) }
func (l archiveLayer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Opener reads the blobs of an artifact.
type Opener interface {
	Open(ctx context.Context, blob v1.Descriptor) (io.ReadCloser, error)
}

// ReadArtifact writes the files of an artifact into dir as Read does; each layer is verified as it streams.
func ReadArtifact(ctx context.Context, manifest *v1.Manifest, blobs Opener, dir string, wanted map[string]Wanted) (map[string]string, error) {
	if manifest.Config.MediaType != ConfigType {
		return nil, fault.New(fault.SnapshotInvalid, "read the snapshot: the registry has %.100s there, not %s",
			manifest.Config.MediaType, ConfigType)
	}
	if len(manifest.Layers) > maxLayers {
		return nil, fault.New(fault.SnapshotInvalid, "read the snapshot: it has %d layers, at most %d are allowed",
			len(manifest.Layers), maxLayers)
	}
	found := map[string]string{}
	for _, layer := range manifest.Layers {
		digests, err := readLayer(ctx, layer, blobs, dir, without(wanted, found))
		if err != nil {
			return nil, err
		}
		for name, digest := range digests {
			found[name] = digest
		}
	}
	return found, nil
}

func without(wanted map[string]Wanted, found map[string]string) map[string]Wanted {
	left := map[string]Wanted{}
	for name, want := range wanted {
		if found[name] == "" {
			left[name] = want
		}
	}
	return left
}

func readLayer(ctx context.Context, layer v1.Descriptor, blobs Opener, dir string, wanted map[string]Wanted) (map[string]string, error) {
	if layer.MediaType != LayerType {
		return nil, fault.New(fault.SnapshotInvalid, "read the snapshot: it has a layer of %.100s", layer.MediaType)
	}
	blob, err := blobs.Open(ctx, layer)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	verified := &verifiedReader{blob, sha256.New()}
	digests, err := Read(ctx, verified, dir, wanted)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, verified); err != nil {
		return nil, err
	}
	if got := hex.EncodeToString(verified.sum.Sum(nil)); got != layer.Digest.Hex {
		return nil, fault.New(fault.SnapshotInvalid, "read the snapshot: layer %s has the digest sha256:%s", layer.Digest, got)
	}
	return digests, nil
}

type verifiedReader struct {
	from io.Reader
	sum  hash.Hash
}

func (r *verifiedReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.sum.Write(p[:n])
	return n, err
}
