package disk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/blobstore"
	"bandsox.dev/agent/internal/image/event"
	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/layer"
	"bandsox.dev/agent/internal/image/oci"
)

// storedImage is an image whose documents were read from the store and verified.
type storedImage struct {
	digest   v1.Hash
	manifest *v1.Manifest
	config   *v1.ConfigFile
}

func loadImage(store *blobstore.Store, digest v1.Hash) (storedImage, error) {
	raw, err := store.Read(digest, oci.MaxDocumentBytes)
	if err != nil {
		return storedImage{}, err
	}
	document, err := oci.NewDocument(raw, "")
	if err != nil {
		return storedImage{}, err
	}
	if document.IsIndex() {
		return storedImage{}, fault.New(fault.ImageInvalid, "read %s: it is an index, not the manifest of one platform", digest)
	}
	manifest, err := oci.ParseManifest(document)
	if err != nil {
		return storedImage{}, err
	}
	rawConfig, err := store.Read(manifest.Config.Digest, oci.MaxDocumentBytes)
	if err != nil {
		return storedImage{}, err
	}
	config, err := oci.ParseConfig(rawConfig, manifest)
	return storedImage{digest, manifest, config}, err
}

// unpack applies all layers in order.
func unpack(ctx context.Context, store *blobstore.Store, image storedImage, tree *layer.Tree, emit func(any)) error {
	for index, descriptor := range image.manifest.Layers {
		report := event.Unpack{
			Type: "layer", Digest: descriptor.Digest.String(),
			Index: index, Of: len(image.manifest.Layers), State: event.Started,
		}
		emit(report)
		before := tree.Bytes()
		if err := applyLayer(ctx, store, tree, descriptor, image.config.RootFS.DiffIDs[index]); err != nil {
			return err
		}
		report.State, report.UnpackedBytes = event.Done, tree.Bytes()-before
		emit(report)
	}
	return nil
}

// applyLayer applies one stored layer and proves afterwards that its bytes were
// the right ones; the tree is worthless when this fails.
func applyLayer(ctx context.Context, store *blobstore.Store, tree *layer.Tree, descriptor v1.Descriptor, diffID v1.Hash) error {
	blob, err := store.OpenBlob(descriptor.Digest)
	if err != nil {
		return err
	}
	defer blob.Close()
	got, failure := applyStream(ctx, tree, blob)
	if failure != nil && !isLayersFault(ctx, failure) {
		return failure
	}
	if err := blob.Verify(ctx); err != nil {
		return err
	}
	if failure != nil {
		return fault.Wrap(failure, "layer %s", descriptor.Digest)
	}
	if got != diffID {
		return fault.New(fault.ImageInvalid, "layer %s: it unpacks to %s, the config says %s", descriptor.Digest, got, diffID).
			With("digest", descriptor.Digest.String())
	}
	return nil
}

// applyStream decompresses, applies and hashes; blob is idle when it returns.
func applyStream(ctx context.Context, tree *layer.Tree, blob io.Reader) (v1.Hash, error) {
	plain, _, err := layer.Decompress(blob)
	if err != nil {
		return v1.Hash{}, err
	}
	defer plain.Close()
	hasher := sha256.New()
	ahead := layer.NewReadAhead(io.TeeReader(plain, hasher))
	err = tree.Apply(ctx, ahead)
	ahead.Stop()
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(hasher.Sum(nil))}, err
}

// isLayersFault reports whether a failure may come from wrong bytes, which a bad digest explains better.
func isLayersFault(ctx context.Context, failure error) bool {
	switch fault.From(failure).Code {
	case fault.DiskFull, fault.PermissionDenied, fault.Interrupted:
		return false
	}
	return ctx.Err() == nil
}
