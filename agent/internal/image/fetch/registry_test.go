package fetch_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"bandsox.dev/agent/internal/image/event"
	. "bandsox.dev/agent/internal/image/imagetest"
)

func testImage(t *testing.T) Image {
	t.Helper()
	return NewImage(t, func(config *v1.ConfigFile, _ *v1.Manifest) {
		config.Config = v1.Config{
			Env: []string{"PATH=/bin"}, WorkingDir: "/w", User: "u", Entrypoint: []string{"/e"}, Cmd: []string{"c"},
			Labels: map[string]string{"l": "v"}, ExposedPorts: map[string]struct{}{"80/tcp": {}, "22/tcp": {}}, StopSignal: "SIGINT",
		}
	}, GzipLayer(t, File("a", "a")), ZstdLayer(t, File("b", strings.Repeat("b", 100_000))), PlainLayer(t, File("c", "c")))
}

func TestPull(t *testing.T) {
	image := testImage(t)
	server := newHost(t, nil)
	server.push(t, image, "tag")
	result := pull(t, context.Background(), "registry:"+server.name(":tag"), "linux/amd64", nil)
	result.wantBlobs(t, image)

	resolved := event.Resolved{Type: "resolved", Reference: server.name(":tag"), Digest: image.Manifest.Digest.String()}
	if result.events[0] != resolved {
		t.Errorf("the first event is %+v", result.events[0])
	}
	for digest, states := range result.states() {
		if !slices.Equal(states, []string{"started", "done"}) {
			t.Errorf("%s went through %v", digest, states)
		}
	}
	layers := []event.Layer{}
	for index, layer := range image.Layers {
		layers = append(layers, event.Layer{Digest: layer.Digest.String(), SizeBytes: layer.Size, MediaType: string(layer.MediaType)})
		layers[index].DiffID = result.image.Layers[index].DiffID
	}
	want := event.Image{
		Type: "image", Digest: image.Manifest.Digest.String(), ConfigDigest: image.Config.Digest.String(),
		MediaType: string(types.OCIManifestSchema1), Layers: layers, Platform: "linux/amd64", Created: "2024-05-06T07:08:09Z",
		Config: event.Config{
			Env: []string{"PATH=/bin"}, WorkingDir: "/w", User: "u", Entrypoint: []string{"/e"}, Cmd: []string{"c"},
			Labels: map[string]string{"l": "v"}, ExposedPorts: []string{"22/tcp", "80/tcp"}, StopSignal: "SIGINT",
		},
	}
	if got, expected := fmt.Sprintf("%+v", result.image), fmt.Sprintf("%+v", want); got != expected {
		t.Errorf("got\n%s, want\n%s", got, expected)
	}

	again := pullInto(t, context.Background(), result.dir, "registry:"+server.name("@"+image.Manifest.Digest.String()), "linux/amd64", nil)
	Must(t, again.err)
	for digest, states := range again.states() {
		if !slices.Equal(states, []string{"present"}) {
			t.Errorf("at the second pull %s went through %v", digest, states)
		}
	}
}

func TestPullDockerSchema2(t *testing.T) {
	packed := GzipLayer(t, File("a", "a"))
	packed.MediaType = types.DockerLayer
	image := NewImage(t, func(_ *v1.ConfigFile, manifest *v1.Manifest) {
		manifest.MediaType, manifest.Config.MediaType = types.DockerManifestSchema2, types.DockerConfigJSON
	}, packed)
	server := newHost(t, nil)
	server.push(t, image, "latest")
	result := pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", nil)
	result.wantBlobs(t, image)
	if result.image.MediaType != string(types.DockerManifestSchema2) {
		t.Errorf("the media type is %s", result.image.MediaType)
	}
}

func TestARepeatedLayerIsPulledOnce(t *testing.T) {
	layer := GzipLayer(t, File("a", "a"))
	image := NewImage(t, nil, layer, layer, layer)
	server := newHost(t, nil)
	server.push(t, image, "latest")
	result := pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", nil)
	result.wantBlobs(t, image)
	if states := result.states()[image.Layers[0].Digest.String()]; len(states) != 2 {
		t.Errorf("the layer went through %v", states)
	}
}

func TestADamagedBlobInTheStoreIsPulledAgain(t *testing.T) {
	image := testImage(t)
	server := newHost(t, nil)
	server.push(t, image, "latest")
	first := pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", nil)
	Must(t, first.err)
	path := first.store.Path(image.Layers[0].Digest)
	Must(t, os.WriteFile(path, make([]byte, image.Layers[0].Size), 0o600))
	pullInto(t, context.Background(), first.dir, "registry:"+server.name(""), "linux/amd64", nil).wantBlobs(t, image)
}
