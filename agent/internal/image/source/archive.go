package source

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/layer"
	"bandsox.dev/agent/internal/image/oci"
)

// archiveImage is an image in a `docker save` tar.
//
// Its layers are stored as they are in the archive, so an uncompressed layer's
// digest is its diff id and the manifest depends on nothing but the archive.
// (go-containerregistry's tarball image would gzip them, with a digest that
// depends on the Go release, and reads the whole file once per layer.)
type archiveImage struct {
	path    string
	tag     string
	options Options

	content io.ReaderAt // the plain archive, opened from path when nil
	members *tarIndex
	byBlob  map[v1.Hash]*io.SectionReader
}

func (i *archiveImage) Reference() string { return joinTag("docker-archive:"+i.path, i.tag) }

func (i *archiveImage) Open(_ context.Context, blob v1.Descriptor) (io.ReadCloser, error) {
	section, ok := i.byBlob[blob.Digest]
	if !ok {
		return nil, fault.New(fault.ImageInvalid, "read %s: it has no blob %s", i.path, blob.Digest)
	}
	return io.NopCloser(io.NewSectionReader(section, 0, section.Size())), nil
}

// Resolve indexes the archive; the file stays open for Open until the process ends.
func (i *archiveImage) Resolve(ctx context.Context, _ v1.Platform) (oci.Document, v1.Hash, error) {
	none := v1.Hash{}
	file, err := i.content, error(nil)
	if file == nil {
		file, err = i.open(ctx)
	}
	if err != nil {
		return oci.Document{}, none, err
	}
	if i.members, err = indexTar(ctx, file); err != nil {
		return oci.Document{}, none, fault.New(fault.ImageInvalid, "read %s: %w", i.path, err)
	}
	chosen, err := i.choose()
	if err != nil {
		return oci.Document{}, none, err
	}
	manifest, err := i.manifest(chosen)
	if err != nil {
		return oci.Document{}, none, err
	}
	raw, err := json.Marshal(manifest)
	if err != nil {
		return oci.Document{}, none, err
	}
	document, err := oci.NewDocument(raw, "")
	return document, document.Digest, err
}

// open returns the plain tar, decompressed into the store's scratch space if need be.
func (i *archiveImage) open(ctx context.Context) (io.ReaderAt, error) {
	file, err := openRegular(i.path)
	if err != nil {
		return nil, err
	}
	compression, err := layer.Sniff(bufio.NewReader(io.NewSectionReader(file, 0, 512)))
	if err != nil || compression == layer.Plain {
		return file, err
	}
	defer file.Close()
	plain, err := i.options.Store.CreateTemp()
	if err != nil {
		return nil, err
	}
	defer os.Remove(plain.Name()) // the open file stays readable
	reader, _, err := layer.Decompress(file)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	if err := copyBounded(ctx, plain, reader, i.options.MaxBytes); err != nil {
		return nil, fault.File("decompress", i.path, err)
	}
	return plain, nil
}

// choose finds the tag in the archive's manifest.json; without a tag there must be one image.
func (i *archiveImage) choose() (tarball.Descriptor, error) {
	var listing tarball.Manifest
	raw, err := i.document("manifest.json")
	if err != nil {
		return tarball.Descriptor{}, err
	}
	if err := json.Unmarshal(raw, &listing); err != nil {
		return tarball.Descriptor{}, fault.New(fault.ImageInvalid, "read manifest.json of %s: %w", i.path, err)
	}
	tags := []string{}
	for _, image := range listing {
		tags = append(tags, image.RepoTags...)
		if len(listing) == 1 && i.tag == "" || slices.ContainsFunc(image.RepoTags, i.isNamed) {
			return image, nil
		}
	}
	return tarball.Descriptor{}, fault.New(fault.ImageNotFound, "read %s: %q is not one of its images: %s", i.path, i.tag, list(tags)).
		With("tags", tags)
}

// isNamed accepts a full `name:tag` or, when ours has no name, just the tag.
func (i *archiveImage) isNamed(repoTag string) bool {
	return i.tag != "" && (repoTag == i.tag || strings.HasSuffix(repoTag, ":"+i.tag))
}

func (i *archiveImage) manifest(chosen tarball.Descriptor) (*v1.Manifest, error) {
	rawConfig, err := i.document(chosen.Config)
	if err != nil {
		return nil, err
	}
	config, err := v1.ParseConfigFile(strings.NewReader(string(rawConfig)))
	if err != nil {
		return nil, fault.New(fault.ImageInvalid, "read %s of %s: %w", chosen.Config, i.path, err)
	}
	if len(config.RootFS.DiffIDs) != len(chosen.Layers) || len(chosen.Layers) > oci.MaxLayers {
		return nil, fault.New(fault.ImageInvalid, "read %s: it has %d layers, its config describes %d (at most %d are allowed)",
			i.path, len(chosen.Layers), len(config.RootFS.DiffIDs), oci.MaxLayers)
	}
	i.byBlob = map[v1.Hash]*io.SectionReader{}
	manifest := &v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Layers: []v1.Descriptor{}}
	section, _ := i.members.find(chosen.Config)
	if manifest.Config, err = i.describe(section, types.OCIConfigJSON, nil); err != nil {
		return nil, err
	}
	for index, name := range chosen.Layers {
		section, ok := i.members.find(name)
		if !ok {
			return nil, fault.New(fault.ImageInvalid, "read %s: layer %s is missing", i.path, name)
		}
		descriptor, err := i.describeLayer(section, config.RootFS.DiffIDs[index])
		if err != nil {
			return nil, err
		}
		manifest.Layers = append(manifest.Layers, descriptor)
	}
	return manifest, nil
}

func (i *archiveImage) describeLayer(section *io.SectionReader, diffID v1.Hash) (v1.Descriptor, error) {
	compression, err := layer.Sniff(bufio.NewReader(io.NewSectionReader(section, 0, section.Size())))
	if err != nil {
		return v1.Descriptor{}, fault.File("read", i.path, err)
	}
	switch compression {
	case layer.Gzip:
		return i.describe(section, types.OCILayer, nil)
	case layer.Zstd:
		return i.describe(section, types.OCILayerZStd, nil)
	}
	return i.describe(section, types.OCIUncompressedLayer, &diffID)
}

// describe makes a blob of an archive member; without a claimed digest it is hashed.
func (i *archiveImage) describe(section *io.SectionReader, mediaType types.MediaType, claimed *v1.Hash) (v1.Descriptor, error) {
	descriptor := v1.Descriptor{MediaType: mediaType, Size: section.Size()}
	if claimed != nil {
		descriptor.Digest = *claimed
	} else {
		digest, _, err := v1.SHA256(io.NewSectionReader(section, 0, section.Size()))
		if err != nil {
			return descriptor, fault.File("read", i.path, err)
		}
		descriptor.Digest = digest
	}
	i.byBlob[descriptor.Digest] = section
	return descriptor, nil
}

// document reads a small member whole.
func (i *archiveImage) document(name string) ([]byte, error) {
	section, ok := i.members.find(name)
	if !ok {
		return nil, fault.New(fault.ImageInvalid, "read %s: it has no %q, so it is not a docker save archive", i.path, name)
	}
	if section.Size() > oci.MaxDocumentBytes {
		return nil, fault.New(fault.ImageInvalid, "read %s: %s has %d bytes, at most %d are allowed",
			i.path, name, section.Size(), oci.MaxDocumentBytes)
	}
	raw, err := io.ReadAll(io.NewSectionReader(section, 0, section.Size()))
	if err != nil {
		return nil, fault.File("read", i.path, err)
	}
	return raw, nil
}
