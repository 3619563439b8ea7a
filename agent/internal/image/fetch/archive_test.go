package fetch_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
	"bandsox.dev/agent/internal/image/source"
)

func TestPullFromAnOciLayout(t *testing.T) {
	image := testImage(t)
	dir := filepath.Join(t.TempDir(), "with:colon")
	image.WriteLayout(t, dir, "v1")
	for _, text := range []string{dir, dir + ":v1"} {
		pull(t, context.Background(), "oci:"+text, "linux/amd64", nil).wantBlobs(t, image)
	}
	failure := WantCode(t, pull(t, context.Background(), "oci:"+dir+":v2", "linux/amd64", nil).err, fault.ImageNotFound)
	wantWords(t, failure, `it has no "v2", only v1`)
	WantCode(t, pull(t, context.Background(), "oci:"+dir+"/absent", "linux/amd64", nil).err, fault.ImageNotFound)
	WantCode(t, pull(t, context.Background(), "oci:"+dir, "linux/arm64", nil).err, fault.ImagePlatformMissing)

	t.Run("with a damaged layer", func(t *testing.T) {
		path := filepath.Join(dir, "blobs", "sha256", image.Layers[0].Digest.Hex)
		Must(t, os.WriteFile(path, make([]byte, image.Layers[0].Size), 0o600))
		result := pull(t, context.Background(), "oci:"+dir, "linux/amd64", nil)
		WantCode(t, result.err, fault.ImageDigestMismatch)
		result.wantNoLayersBut(t, image, image.Layers[1:])
	})
	t.Run("with a damaged manifest", func(t *testing.T) {
		path := filepath.Join(dir, "blobs", "sha256", image.Manifest.Digest.Hex)
		content := image.Blobs[image.Manifest.Digest]
		Must(t, os.WriteFile(path, append(slices.Clone(content), ' '), 0o600))
		WantCode(t, pull(t, context.Background(), "oci:"+dir, "linux/amd64", nil).err, fault.ImageDigestMismatch)
	})
}

func TestAnOciLayoutOfSkopeo(t *testing.T) {
	skopeo := NeedTool(t, "skopeo")
	dir := t.TempDir()
	image := NewImage(t, func(config *v1.ConfigFile, _ *v1.Manifest) { config.Config.WorkingDir = "/w" },
		GzipLayer(t, File("a", "a")), GzipLayer(t, File("b", "b")), PlainLayer(t, File("c", "c")))
	image.WriteLayout(t, filepath.Join(dir, "ours"), "v1")
	Run(t, skopeo, "copy", "--insecure-policy", "oci:"+filepath.Join(dir, "ours")+":v1", "docker-archive:"+filepath.Join(dir, "archive.tar")+":some/name:v1")
	Run(t, skopeo, "copy", "--insecure-policy", "docker-archive:"+filepath.Join(dir, "archive.tar"), "oci:"+filepath.Join(dir, "theirs")+":v1")
	for _, text := range []string{"oci:" + filepath.Join(dir, "theirs"), "docker-archive:" + filepath.Join(dir, "archive.tar")} {
		result := pull(t, context.Background(), text, "linux/amd64", nil)
		Must(t, result.err)
		if len(result.image.Layers) != 3 || result.image.Config.WorkingDir != "/w" {
			t.Errorf("%s: got %+v", text, result.image)
		}
	}
}

// savedImage is one image of a docker save archive.
type savedImage struct {
	tags   []string
	layers []Blob
	names  []string // where the layers are, in place of one member each
}

// save writes an archive as `docker save` does; extra members come first.
func save(t *testing.T, path string, extra []Entry, images ...savedImage) {
	t.Helper()
	entries := extra
	listing := tarball.Manifest{}
	for _, image := range images {
		config := v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}}
		names := image.names
		for _, layer := range image.layers {
			config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, Digest(t, layer.Plain))
			if image.names == nil {
				name := Digest(t, layer.Packed).Hex + "/layer.tar"
				names = append(names, name)
				entries = append(entries, File(name, string(layer.Packed)))
			}
		}
		raw, err := json.Marshal(config)
		Must(t, err)
		name := Digest(t, raw).Hex + ".json"
		entries = append(entries, File(name, string(raw)))
		listing = append(listing, tarball.Descriptor{Config: name, RepoTags: image.tags, Layers: names})
	}
	raw, err := json.Marshal(listing)
	Must(t, err)
	Must(t, os.WriteFile(path, Tar(t, append(entries, File("manifest.json", string(raw)))...), 0o600))
}

func TestPullFromADockerArchive(t *testing.T) {
	plain, packed := PlainLayer(t, File("a", "a")), GzipLayer(t, File("b", "b"))
	dir := t.TempDir()
	path := filepath.Join(dir, "archive.tar")
	save(t, path, nil, savedImage{tags: []string{"app:v1"}, layers: []Blob{plain, packed, ZstdLayer(t, File("c", "c"))}})
	first := pull(t, context.Background(), "docker-archive:"+path, "linux/amd64", nil)
	Must(t, first.err)
	mediaTypes := []string{}
	for _, layer := range first.image.Layers {
		mediaTypes = append(mediaTypes, strings.TrimPrefix(layer.MediaType, "application/vnd.oci.image.layer.v1."))
	}
	if !slices.Equal(mediaTypes, []string{"tar", "tar+gzip", "tar+zstd"}) {
		t.Errorf("the layers are %v", mediaTypes)
	}
	if first.image.Layers[0].Digest != first.image.Layers[0].DiffID {
		t.Errorf("an uncompressed layer's digest is %s, its diff id %s", first.image.Layers[0].Digest, first.image.Layers[0].DiffID)
	}
	for _, text := range []string{path + ":app:v1", path + ":v1"} {
		again := pull(t, context.Background(), "docker-archive:"+text, "linux/amd64", nil)
		Must(t, again.err)
		if again.image.Digest != first.image.Digest {
			t.Errorf("%s is %s, before it was %s", text, again.image.Digest, first.image.Digest)
		}
	}
	t.Run("that is compressed", func(t *testing.T) {
		content, err := os.ReadFile(path)
		Must(t, err)
		Must(t, os.WriteFile(path+".gz", Gzip(t, content), 0o600))
		again := pull(t, context.Background(), "docker-archive:"+path+".gz", "linux/amd64", nil)
		Must(t, again.err)
		again.wantNoScratch(t)
		if again.image.Digest != first.image.Digest {
			t.Errorf("it is %s, plain it is %s", again.image.Digest, first.image.Digest)
		}
	})
	t.Run("for another platform", func(t *testing.T) {
		WantCode(t, pull(t, context.Background(), "docker-archive:"+path, "linux/arm64", nil).err, fault.ImagePlatformMissing)
	})
}

func TestADockerArchiveOfManyImages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive.tar")
	one, two := PlainLayer(t, File("a", "a")), PlainLayer(t, File("b", "b"))
	save(t, path, nil, savedImage{tags: []string{"one:v1"}, layers: []Blob{one}}, savedImage{tags: []string{"two:v2"}, layers: []Blob{two}})
	result := pull(t, context.Background(), "docker-archive:"+path+":two:v2", "linux/amd64", nil)
	Must(t, result.err)
	if result.image.Layers[0].Digest != Digest(t, two.Plain).String() {
		t.Errorf("got %+v", result.image.Layers)
	}
	for _, text := range []string{path, path + ":three"} {
		failure := WantCode(t, pull(t, context.Background(), "docker-archive:"+text, "linux/amd64", nil).err, fault.ImageNotFound)
		wantWords(t, failure, "one:v1, two:v2")
	}
}

func TestLayersOfADockerArchiveMayBeLinks(t *testing.T) {
	layer := PlainLayer(t, File("a", "a"))
	path := filepath.Join(t.TempDir(), "archive.tar")
	extra := []Entry{
		File("x/layer.tar", string(layer.Plain)), Symlink("y/layer.tar", "../x/layer.tar"), Hardlink("z.tar", "y/layer.tar"),
		Symlink("loop", "loop"),
	}
	save(t, path, extra, savedImage{layers: []Blob{layer, layer}, names: []string{"y/layer.tar", "z.tar"}})
	Must(t, pull(t, context.Background(), "docker-archive:"+path, "linux/amd64", nil).err)
	for _, name := range []string{"loop", "absent", "../../../etc/passwd"} {
		save(t, path, extra, savedImage{layers: []Blob{layer}, names: []string{name}})
		WantCode(t, pull(t, context.Background(), "docker-archive:"+path, "linux/amd64", nil).err, fault.ImageInvalid)
	}
}

func TestADockerArchiveThatLies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archive.tar")
	layer, other := PlainLayer(t, File("a", "a")), PlainLayer(t, File("b", "b"))
	save(t, path, nil, savedImage{layers: []Blob{{Plain: other.Plain, Packed: layer.Plain}}})
	WantCode(t, pull(t, context.Background(), "docker-archive:"+path, "linux/amd64", nil).err, fault.ImageDigestMismatch)
	save(t, path, nil, savedImage{layers: []Blob{layer, layer}, names: []string{"one"}})
	WantCode(t, pull(t, context.Background(), "docker-archive:"+path, "linux/amd64", nil).err, fault.ImageInvalid)
	for _, content := range []string{"not a tar", "", string(layer.Plain)} {
		Must(t, os.WriteFile(path, []byte(content), 0o600))
		WantCode(t, pull(t, context.Background(), "docker-archive:"+path, "linux/amd64", nil).err, fault.ImageInvalid)
	}
	WantCode(t, pull(t, context.Background(), "docker-archive:"+path+"/absent", "linux/amd64", nil).err, fault.ImageNotFound)
}

func TestACompressedArchiveIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bomb.tar.gz")
	Must(t, os.WriteFile(path, Gzip(t, make([]byte, 8<<20)), 0o600))
	result := pull(t, context.Background(), "docker-archive:"+path, "linux/amd64", func(options *source.Options) { options.MaxBytes = 1 << 20 })
	WantCode(t, result.err, fault.ImageTooLarge)
	result.wantNoScratch(t)
}
