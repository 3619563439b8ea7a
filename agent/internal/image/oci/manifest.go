package oci

import (
	"bytes"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"bandsox.dev/agent/internal/image/fault"
)

// DockerLayerZstd is what Docker-flavoured builders call a zstd layer.
const DockerLayerZstd types.MediaType = "application/vnd.docker.image.rootfs.diff.tar.zstd"

var layerTypes = map[types.MediaType]bool{
	types.OCILayer:                       true,
	types.OCILayerZStd:                   true,
	types.OCIUncompressedLayer:           true,
	types.DockerLayer:                    true,
	types.DockerUncompressedLayer:        true,
	DockerLayerZstd:                      true,
	types.DockerForeignLayer:             true,
	types.OCIRestrictedLayer:             true,
	types.OCIUncompressedRestrictedLayer: true,
	"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": true,
}

// ParseManifest reads a manifest and checks that every blob it names can be fetched and verified.
func ParseManifest(document Document) (*v1.Manifest, error) {
	manifest, err := v1.ParseManifest(bytes.NewReader(document.Raw))
	if err != nil {
		return nil, fault.New(fault.ImageInvalid, "read manifest %s: %w", document.Digest, err)
	}
	if err := checkConfigDescriptor(manifest.Config); err != nil {
		return nil, err
	}
	if len(manifest.Layers) > MaxLayers {
		return nil, fault.New(fault.ImageInvalid, "read manifest %s: it has %d layers, at most %d are allowed",
			document.Digest, len(manifest.Layers), MaxLayers)
	}
	for _, layer := range manifest.Layers {
		if err := checkLayer(layer); err != nil {
			return nil, err
		}
	}
	return manifest, nil
}

func checkConfigDescriptor(config v1.Descriptor) error {
	if err := checkDescriptor("config", config); err != nil {
		return err
	}
	if config.Size > MaxDocumentBytes {
		return fault.New(fault.ImageInvalid, "read config %s: it has %d bytes, at most %d are allowed",
			config.Digest, config.Size, MaxDocumentBytes)
	}
	if !config.MediaType.IsConfig() && config.MediaType != "application/octet-stream" {
		return fault.New(fault.ImageUnsupported, "read manifest: its config is %s, so it is not a container image",
			orNone(string(config.MediaType)))
	}
	return nil
}

func checkLayer(layer v1.Descriptor) error {
	if err := checkDescriptor("layer", layer); err != nil {
		return err
	}
	foreign := !layer.MediaType.IsDistributable() || strings.Contains(string(layer.MediaType), ".nondistributable.")
	switch {
	case foreign && len(layer.URLs) > 0:
		return fault.New(fault.ImageUnsupported, "fetch layer %s: it is foreign and lives at %s, outside the registry",
			layer.Digest, layer.URLs[0]).With("digest", layer.Digest.String())
	case !layerTypes[layer.MediaType]:
		return fault.New(fault.ImageUnsupported, "fetch layer %s: its media type is %s", layer.Digest, orNone(string(layer.MediaType))).
			With("digest", layer.Digest.String())
	}
	return nil
}

func checkDescriptor(what string, blob v1.Descriptor) error {
	if blob.Digest.Hex == "" || blob.Size < 0 {
		return fault.New(fault.ImageInvalid, "read manifest: a %s has digest %q and size %d", what, blob.Digest, blob.Size)
	}
	if blob.Digest.Algorithm != "sha256" {
		return fault.New(fault.ImageUnsupported, "read manifest: %s %s does not use sha256", what, blob.Digest)
	}
	return nil
}

// ParseConfig reads the config of a manifest and checks that it describes each layer.
func ParseConfig(raw []byte, manifest *v1.Manifest) (*v1.ConfigFile, error) {
	config, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return nil, fault.New(fault.ImageInvalid, "read config %s: %w", manifest.Config.Digest, err)
	}
	if len(config.RootFS.DiffIDs) != len(manifest.Layers) {
		return nil, fault.New(fault.ImageInvalid, "read config %s: it describes %d layers, the manifest has %d",
			manifest.Config.Digest, len(config.RootFS.DiffIDs), len(manifest.Layers))
	}
	for _, diffID := range config.RootFS.DiffIDs {
		if diffID.Algorithm != "sha256" {
			return nil, fault.New(fault.ImageUnsupported, "read config %s: layer id %s does not use sha256", manifest.Config.Digest, diffID)
		}
	}
	return config, nil
}
