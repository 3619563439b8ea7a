package source

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/oci"
)

const refNameAnnotation = "org.opencontainers.image.ref.name"

// layoutImage is an image in an OCI image layout directory.
type layoutImage struct {
	path string
	tag  string
}

func (i *layoutImage) Reference() string { return joinTag("oci:"+i.path, i.tag) }

func (i *layoutImage) Resolve(ctx context.Context, wanted v1.Platform) (oci.Document, v1.Hash, error) {
	entry, err := i.entry(wanted)
	if err != nil {
		return oci.Document{}, v1.Hash{}, err
	}
	top, err := i.read(ctx, entry)
	if err != nil {
		return oci.Document{}, v1.Hash{}, err
	}
	manifest, err := oci.Descend(ctx, top, wanted, i.read)
	return manifest, top.Digest, err
}

func (i *layoutImage) Open(_ context.Context, blob v1.Descriptor) (io.ReadCloser, error) {
	content, err := layout.Path(i.path).Blob(blob.Digest)
	if err != nil {
		return nil, fileFault("read blob "+blob.Digest.String()+" of", i.path, err)
	}
	return content, nil
}

// entry finds what the tag names in index.json; without a tag there must be one candidate.
func (i *layoutImage) entry(wanted v1.Platform) (v1.Descriptor, error) {
	path, err := layout.FromPath(i.path)
	if err != nil {
		return v1.Descriptor{}, fileFault("open OCI layout", i.path, err)
	}
	index, err := path.ImageIndex()
	if err != nil {
		return v1.Descriptor{}, fault.New(fault.ImageInvalid, "read %s: %w", filepath.Join(i.path, "index.json"), err)
	}
	listing, err := index.IndexManifest()
	if err != nil {
		return v1.Descriptor{}, fault.New(fault.ImageInvalid, "read %s: %w", filepath.Join(i.path, "index.json"), err)
	}
	tags := []string{}
	named := []v1.Descriptor{}
	for _, entry := range listing.Manifests {
		tag := entry.Annotations[refNameAnnotation]
		if tag != "" {
			tags = append(tags, tag)
		}
		if i.tag == "" || tag == i.tag || strings.HasSuffix(tag, ":"+i.tag) {
			named = append(named, entry)
		}
	}
	switch {
	case len(named) == 0:
		return v1.Descriptor{}, fault.New(fault.ImageNotFound, "read OCI layout %s: it has no %q, only %s", i.path, i.tag, list(tags)).
			With("tags", tags)
	case len(named) == 1:
		return named[0], nil
	case i.tag == "" && len(tags) > 1:
		return v1.Descriptor{}, fault.New(fault.ImageNotFound, "read OCI layout %s: name one of its images: %s", i.path, list(tags)).
			With("tags", tags)
	}
	return oci.SelectPlatform(named, wanted)
}

func (i *layoutImage) read(ctx context.Context, entry v1.Descriptor) (oci.Document, error) {
	if entry.Digest.Algorithm != "sha256" {
		return oci.Document{}, fault.New(fault.ImageUnsupported, "read OCI layout %s: %s does not use sha256", i.path, entry.Digest)
	}
	content, err := i.Open(ctx, entry)
	if err != nil {
		return oci.Document{}, err
	}
	defer content.Close()
	raw, err := io.ReadAll(io.LimitReader(content, oci.MaxDocumentBytes+1))
	if err != nil {
		return oci.Document{}, fault.File("read", i.path, err)
	}
	if len(raw) > oci.MaxDocumentBytes {
		return oci.Document{}, fault.New(fault.ImageInvalid, "read OCI layout %s: manifest %s has more than %d bytes",
			i.path, entry.Digest, oci.MaxDocumentBytes)
	}
	document, err := oci.NewDocument(raw, string(entry.MediaType))
	if err == nil && document.Digest != entry.Digest {
		err = fault.New(fault.ImageDigestMismatch, "read OCI layout %s: the file of manifest %s contains %s",
			i.path, entry.Digest, document.Digest).With("digest", entry.Digest.String())
	}
	return document, err
}

func joinTag(path, tag string) string {
	if tag == "" {
		return path
	}
	return path + ":" + tag
}

func list(items []string) string {
	if len(items) == 0 {
		return "nothing"
	}
	return strings.Join(items, ", ")
}
