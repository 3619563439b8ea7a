package registry

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"bandsox.dev/agent/internal/image/fault"
)

// Push stores an image under the reference. What the registry has already is not sent again.
func (i *Image) Push(ctx context.Context, image v1.Image) (v1.Hash, error) {
	i.verb = "push"
	auth, err := authn.Resolve(ctx, i.options.Keychain, i.ref.Context())
	if err != nil {
		return v1.Hash{}, fault.New(fault.RegistryUnauthorized, "push %s: read credentials: %w", i.given, err).
			With("registry", i.registry())
	}
	i.credentials = i.describeCredentials(auth)
	base, err := i.transport()
	if err != nil {
		return v1.Hash{}, err
	}
	err = remote.Write(i.ref, image, remote.WithContext(ctx), remote.WithAuth(auth), remote.WithTransport(base))
	if err != nil {
		return v1.Hash{}, i.explain(err)
	}
	return image.Digest()
}
