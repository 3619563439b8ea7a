package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"bandsox.dev/agent/internal/image/blobstore"
	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/layer"
	"bandsox.dev/agent/internal/image/oci"
	"bandsox.dev/agent/internal/image/treetar"
)

// rootfsImage makes a one-layer image of a root directory or a rootfs tar. The
// same content and options always give the same digest.
type rootfsImage struct {
	kind    string // dir or tar
	path    string
	options Options
}

func (i *rootfsImage) Reference() string { return i.kind + ":" + i.path }

// Open is never needed: Resolve has put every blob into the store.
func (i *rootfsImage) Open(_ context.Context, blob v1.Descriptor) (io.ReadCloser, error) {
	return nil, fault.New(fault.Internal, "read %s: blob %s vanished from the store", i.Reference(), blob.Digest)
}

func (i *rootfsImage) Resolve(ctx context.Context, wanted v1.Platform) (oci.Document, v1.Hash, error) {
	store := i.store
	if i.kind == "tar" {
		store = i.storeTar
	}
	descriptor, diffID, err := store(ctx)
	if err != nil {
		return oci.Document{}, v1.Hash{}, err
	}
	rawConfig, err := json.Marshal(v1.ConfigFile{
		OS: wanted.OS, Architecture: wanted.Architecture, Variant: wanted.Variant,
		Created: v1.Time{Time: time.Unix(0, 0).UTC()},
		Config:  i.options.Run,
		RootFS:  v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{diffID}},
	})
	if err != nil {
		return oci.Document{}, v1.Hash{}, err
	}
	config, err := i.options.Store.PutBytes(ctx, rawConfig)
	if err != nil {
		return oci.Document{}, v1.Hash{}, err
	}
	raw, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: v1.Descriptor{MediaType: types.OCIConfigJSON, Digest: config.Digest, Size: config.Size},
		Layers: []v1.Descriptor{descriptor},
	})
	if err != nil {
		return oci.Document{}, v1.Hash{}, err
	}
	document, err := oci.NewDocument(raw, "")
	return document, document.Digest, err
}

// store packs a directory into an uncompressed layer, whose digest is its diff id.
func (i *rootfsImage) store(ctx context.Context) (v1.Descriptor, v1.Hash, error) {
	blob, err := i.options.Store.Add(i.options.MaxBytes, func(w io.Writer) error { return packDir(ctx, w, i.path) })
	return layerDescriptor(types.OCIUncompressedLayer, blob), blob.Digest, err
}

// storeTar stores a tar as it is and decompresses it on the way to learn its diff id.
func (i *rootfsImage) storeTar(ctx context.Context) (v1.Descriptor, v1.Hash, error) {
	none := v1.Descriptor{}
	file, err := openRegular(i.path)
	if err != nil {
		return none, v1.Hash{}, err
	}
	defer file.Close()
	var mediaType types.MediaType
	hasher := sha256.New()
	blob, err := i.options.Store.Add(i.options.MaxBytes, func(w io.Writer) error {
		compressed := io.TeeReader(file, w)
		plain, compression, err := layer.Decompress(compressed)
		if err != nil {
			return err
		}
		defer plain.Close()
		mediaType = layerTypeOf[compression]
		if err := checkedTar(ctx, hasher, plain, i.options.MaxBytes); err != nil {
			return err
		}
		return copyBounded(ctx, io.Discard, compressed, i.options.MaxBytes)
	})
	if err != nil {
		return none, v1.Hash{}, fault.File("read", i.path, err)
	}
	diffID := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(hasher.Sum(nil))}
	return layerDescriptor(mediaType, blob), diffID, nil
}

var layerTypeOf = map[layer.Compression]types.MediaType{
	layer.Plain: types.OCIUncompressedLayer,
	layer.Gzip:  types.OCILayer,
	layer.Zstd:  types.OCILayerZStd,
}

func layerDescriptor(mediaType types.MediaType, blob blobstore.Blob) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Digest: blob.Digest, Size: blob.Size}
}

// checkedTar copies a stream that must begin like a tar.
func checkedTar(ctx context.Context, w io.Writer, r io.Reader, limit int64) error {
	head := make([]byte, tarBlock)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return err
	}
	if !looksLikeTar(head[:n]) {
		return fault.New(fault.ImageInvalid, "read rootfs tar: its first block is not a tar header")
	}
	if _, err := w.Write(head[:n]); err != nil {
		return err
	}
	return copyBounded(ctx, w, r, limit)
}

const (
	tarBlock    = 512
	magicOffset = 257
)

// looksLikeTar accepts ustar, GNU and empty archives; pre-POSIX tars have no mark and are refused.
func looksLikeTar(block []byte) bool {
	if len(block) < tarBlock {
		return false
	}
	return bytes.HasPrefix(block[magicOffset:], []byte("ustar")) || bytes.Equal(block, make([]byte, tarBlock))
}

func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fileFault("open", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.New(fault.ImageInvalid, "open %s: it is a %s, not a regular file", path, info.Mode().Type())
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fileFault("open", path, err)
	}
	return file, nil
}

// packDir writes the tree a user's directory, or a link to one, holds.
func packDir(ctx context.Context, w io.Writer, path string) error {
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fileFault("open", path, err)
	}
	if info, err := os.Stat(root); err != nil {
		return fileFault("open", root, err)
	} else if !info.IsDir() {
		return fault.New(fault.ImageInvalid, "pack %s: it is not a directory", root)
	}
	return treetar.Pack(ctx, w, root, treetar.Options{})
}

// copyBounded copies until r ends, checking ctx between chunks and refusing more than limit bytes.
func copyBounded(ctx context.Context, w io.Writer, r io.Reader, limit int64) error {
	const chunk = 1 << 20
	for copied := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(w, r, chunk)
		copied += n
		if copied > limit {
			return fault.New(fault.ImageTooLarge, "unpack: more than %d bytes", limit).With("limitBytes", limit)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
