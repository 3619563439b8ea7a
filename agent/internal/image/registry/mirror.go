package registry

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/oci"
)

// Mirrored is a reference in a registry or one of its mirrors. The first that
// has the image serves all of it. Call Resolve before Open.
type Mirrored struct {
	*Image
	mirrors []*Image
	chosen  *Image
}

// ParseMirrored reads any Docker-style reference and finds its registry's mirrors in the settings.
func ParseMirrored(reference string, options Options) (*Mirrored, error) {
	upstream, err := Parse(reference, options)
	if err != nil {
		return nil, err
	}
	mirrored := &Mirrored{Image: upstream}
	options.Creds = "" // they are for the registry that was named
	for _, mirror := range options.Settings.of(upstream.registry()).Mirrors {
		image, err := Parse(mirrorReference(mirror, upstream.ref), options)
		if err != nil {
			return nil, fault.New(fault.InvalidArgument, "use %s as a mirror of %s: %w", mirror, hubName(upstream.registry()), err).
				With("field", "mirrors").With("found", mirror)
		}
		mirrored.mirrors = append(mirrored.mirrors, image)
	}
	return mirrored, nil
}

func mirrorReference(mirror string, upstream name.Reference) string {
	separator := ":"
	if _, ok := upstream.(name.Digest); ok {
		separator = "@"
	}
	return strings.TrimSuffix(mirror, "/") + "/" + upstream.Context().RepositoryStr() + separator + upstream.Identifier()
}

// Resolve asks the mirrors first, then the registry itself, whose answer is final.
func (m *Mirrored) Resolve(ctx context.Context, wanted v1.Platform) (oci.Document, v1.Hash, error) {
	for _, mirror := range m.mirrors {
		manifest, named, err := mirror.Resolve(ctx, wanted)
		if err == nil {
			m.chosen = mirror
			return manifest, named, nil
		}
		if ctx.Err() != nil {
			return oci.Document{}, v1.Hash{}, ctx.Err()
		}
		m.Image.alsoTried = append(m.Image.alsoTried, mirror.failed(err))
	}
	m.chosen = m.Image
	return m.Image.Resolve(ctx, wanted)
}

// failed says in brief why a mirror did not serve.
func (i *Image) failed(err error) string {
	var known *fault.Error
	if errors.As(err, &known) {
		return "mirror " + i.registry() + " (" + string(known.Code) + ")"
	}
	return "mirror " + i.registry()
}

// Open streams a blob from whoever had the manifest.
func (m *Mirrored) Open(ctx context.Context, blob v1.Descriptor) (io.ReadCloser, error) {
	return m.chosen.Open(ctx, blob)
}

// OpenAt is Open from an offset on.
func (m *Mirrored) OpenAt(ctx context.Context, blob v1.Descriptor, offset int64) (io.ReadCloser, error) {
	return m.chosen.OpenAt(ctx, blob, offset)
}
