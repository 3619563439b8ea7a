// Package oci reads image documents (indexes, manifests, configs) written by strangers.
//
// Everything returned by this package is bounded, internally consistent, and
// of a kind this project can turn into a disk.
package oci

import (
	"bytes"
	"encoding/json"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"bandsox.dev/agent/internal/image/fault"
)

const (
	// MaxDocumentBytes bounds every index, manifest and config.
	MaxDocumentBytes = 4 << 20
	// MaxLayers bounds the layers of one image.
	MaxLayers = 1024
)

// Document is an index or a manifest, exactly as published.
type Document struct {
	Raw       []byte
	MediaType types.MediaType
	Digest    v1.Hash
}

// NewDocument recognises raw bytes as an index or a manifest. The document's own
// media type wins over contentType, which may be empty.
func NewDocument(raw []byte, contentType string) (Document, error) {
	var shape struct {
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     types.MediaType `json:"mediaType"`
		Config        json.RawMessage `json:"config"`
		Layers        json.RawMessage `json:"layers"`
		FsLayers      json.RawMessage `json:"fsLayers"`
		Manifests     json.RawMessage `json:"manifests"`
	}
	header, _, _ := strings.Cut(contentType, ";")
	mediaType := types.MediaType(strings.TrimSpace(header))
	if err := json.Unmarshal(raw, &shape); err != nil {
		return Document{}, fault.New(fault.ImageInvalid, "read manifest (%s): %w", orNone(contentType), err)
	}
	if shape.MediaType != "" {
		mediaType = shape.MediaType
	}
	isManifest, isIndex := shape.Layers != nil || shape.Config != nil, shape.Manifests != nil
	switch {
	case mediaType.IsSchema1() || shape.SchemaVersion == 1 || shape.FsLayers != nil:
		return Document{}, fault.New(fault.ImageUnsupported,
			"read manifest: it is Docker schema 1, which has no verifiable layers; push the image again with a current tool")
	case isManifest && isIndex:
		return Document{}, fault.New(fault.ImageInvalid, "read manifest: it is both an index and a manifest")
	case isIndex && !mediaType.IsIndex():
		mediaType = types.OCIImageIndex
	case isManifest && !mediaType.IsImage():
		mediaType = types.OCIManifestSchema1
	case !isIndex && !isManifest:
		return Document{}, fault.New(fault.ImageUnsupported, "read manifest: %s is neither an index nor an image manifest", orNone(string(mediaType)))
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	return Document{Raw: raw, MediaType: mediaType, Digest: digest}, err
}

// IsIndex reports whether the document lists manifests.
func (d Document) IsIndex() bool { return d.MediaType.IsIndex() }

func orNone(text string) string {
	if text == "" {
		return "no media type"
	}
	return text
}
