package fetch_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"bandsox.dev/agent/internal/image/event"
	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
)

func imageFor(t *testing.T, arch, variant string) Image {
	t.Helper()
	return NewImage(t, func(config *v1.ConfigFile, _ *v1.Manifest) {
		config.Architecture, config.Variant = arch, variant
	}, GzipLayer(t, File("arch", arch+variant)))
}

func TestAnIndexIsFollowedToThePlatform(t *testing.T) {
	server := newHost(t, nil)
	images := map[string]Image{
		"linux/amd64": imageFor(t, "amd64", ""), "linux/amd64/v3": imageFor(t, "amd64", "v3"),
		"linux/arm64": imageFor(t, "arm64", "v8"), "linux/arm/v6": imageFor(t, "arm", "v6"),
		"unknown/unknown": imageFor(t, "unknown", ""),
	}
	entries := map[string]v1.Descriptor{}
	for name, image := range images {
		server.push(t, image, "part")
		entries[name] = image.Manifest
	}
	index := indexOf(t, entries)
	server.pushManifest(t, "latest", types.OCIImageIndex, index)
	nested := indexOf(t, map[string]v1.Descriptor{"linux/amd64": {
		MediaType: types.OCIImageIndex, Digest: Digest(t, index), Size: int64(len(index)),
	}})
	server.pushManifest(t, Digest(t, index).String(), types.OCIImageIndex, index)
	server.pushManifest(t, "nested", types.OCIImageIndex, nested)

	for _, row := range []struct{ tag, wanted, want string }{
		{":latest", "linux/amd64", "linux/amd64"},
		{":nested", "linux/amd64", "linux/amd64"},
		{":latest", "linux/amd64/v3", "linux/amd64/v3"},
		{":latest", "linux/amd64/v2", "linux/amd64"},
		{":latest", "linux/arm64", "linux/arm64"},
		{":latest", "linux/arm64/v8", "linux/arm64"},
		{":latest", "linux/arm/v7", "linux/arm/v6"},
	} {
		t.Run(row.tag+" "+row.wanted, func(t *testing.T) {
			result := pull(t, context.Background(), "registry:"+server.name(row.tag), row.wanted, nil)
			result.wantBlobs(t, images[row.want])
			resolved := result.events[0].(event.Resolved)
			if row.tag == ":latest" && resolved.Digest != Digest(t, index).String() {
				t.Errorf("resolved to %s, want the index", resolved.Digest)
			}
		})
	}
	t.Run("an absent platform lists what there is", func(t *testing.T) {
		result := pull(t, context.Background(), "registry:"+server.name(""), "linux/riscv64", nil)
		failure := WantCode(t, result.err, fault.ImagePlatformMissing)
		if !strings.Contains(failure.Message, "select linux/riscv64: the image offers linux/amd64, linux/amd64/v3, linux/arm/v6, linux/arm64") {
			t.Errorf("the message is %q", failure.Message)
		}
		if available := failure.Details["available"].([]string); slices.Contains(available, "unknown/unknown") {
			t.Errorf("available are %v", available)
		}
	})
}

func TestAManifestOfAnotherPlatformIsRefusedBeforeItsLayersArePulled(t *testing.T) {
	server := newHost(t, nil)
	image := imageFor(t, "s390x", "")
	server.push(t, image, "latest")
	result := pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", nil)
	WantCode(t, result.err, fault.ImagePlatformMissing)
	result.wantNoLayers(t, image)
}

func TestImagesWeCannotTurnIntoADisk(t *testing.T) {
	plain := GzipLayer(t, File("a", "a"))
	for name, row := range map[string]struct {
		change func(*v1.ConfigFile, *v1.Manifest)
		want   fault.Code
	}{
		"a foreign layer": {func(_ *v1.ConfigFile, manifest *v1.Manifest) {
			manifest.Layers[0].MediaType, manifest.Layers[0].URLs = types.DockerForeignLayer, []string{"https://example.com/layer"}
		}, fault.ImageUnsupported},
		"an encrypted layer": {func(_ *v1.ConfigFile, manifest *v1.Manifest) {
			manifest.Layers[0].MediaType += "+encrypted"
		}, fault.ImageUnsupported},
		"a chart": {func(_ *v1.ConfigFile, manifest *v1.Manifest) {
			manifest.Config.MediaType = "application/vnd.cncf.helm.config.v1+json"
		}, fault.ImageUnsupported},
		"layers that no config describes": {func(config *v1.ConfigFile, _ *v1.Manifest) {
			config.RootFS.DiffIDs = config.RootFS.DiffIDs[:0]
		}, fault.ImageInvalid},
		"a negative size": {func(_ *v1.ConfigFile, manifest *v1.Manifest) {
			manifest.Layers[0].Size = -1
		}, fault.ImageInvalid},
		"a layer larger than allowed": {func(_ *v1.ConfigFile, manifest *v1.Manifest) {
			manifest.Layers[0].Size = 1 << 40
		}, fault.ImageTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			server := newHost(t, nil)
			image := NewImage(t, row.change, plain)
			server.push(t, image, "latest")
			result := pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", nil)
			WantCode(t, result.err, row.want)
			result.wantNoLayers(t, image)
		})
	}
}
