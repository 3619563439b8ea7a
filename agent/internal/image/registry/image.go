// Package registry reads images over the OCI distribution protocol.
//
// Authentication, token exchange and request retries are go-containerregistry's.
// Bytes are fetched here because its layer reader bounds a blob by whatever
// Content-Length the server states (by nothing without one) instead of the
// descriptor's size, and its manifest reader accepts 100 MiB.
package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/oci"
)

const (
	defaultStallTimeout = 60 * time.Second
	documentTimeout     = 5 * time.Minute // with retries
)

var acceptedManifests = strings.Join([]string{
	string(types.OCIImageIndex), string(types.OCIManifestSchema1),
	string(types.DockerManifestList), string(types.DockerManifestSchema2),
}, ",")

// Options say how to reach a registry.
type Options struct {
	// Insecure lists `host` or `host:port` that may be spoken to over plain HTTP, beside loopback
	Insecure []string
	// Settings are what the storage says of registries
	Settings Settings
	// Creds is `user:password` for the registry of the reference, instead of stored credentials
	Creds string
	// Keychain finds credentials (default: Docker's and Podman's configuration)
	Keychain authn.Keychain
	// CertDirs hold authorities by registry (default: Docker's and Podman's certs.d)
	CertDirs []string
	// OnWait is told when a registry makes us wait; it may be nil
	OnWait func(host string, wait time.Duration)
	// Backoff between tries of one request (default: 1 s, then 3 s)
	Backoff transport.Backoff
	// StallTimeout is how long a transfer may deliver nothing (default: 60 s)
	StallTimeout time.Duration
}

// Image is a reference in a registry. Call Resolve before Open.
type Image struct {
	given       string
	verb        string // what is done with it, for messages
	ref         name.Reference
	options     Options
	plaintext   plaintextHosts
	setting     Setting
	credentials string
	alsoTried   []string
	client      *http.Client
}

// Parse reads any Docker-style reference; it does not touch the network.
func Parse(reference string, options Options) (*Image, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, fault.New(fault.ImageInvalid, "read reference %q: %w", reference, err).With("reference", reference)
	}
	image := &Image{given: reference, verb: "pull", options: options, plaintext: slices.Clone(options.Insecure)}
	image.setting = options.Settings.of(ref.Context().RegistryStr())
	if image.setting.PlainHTTP {
		image.plaintext = append(image.plaintext, ref.Context().RegistryStr())
	}
	if image.plaintext.allows(ref.Context().RegistryStr()) {
		ref, err = name.ParseReference(reference, name.Insecure)
	}
	if err != nil {
		return nil, err
	}
	image.ref = ref
	if image.options.Keychain, err = keychain(options); err != nil {
		return nil, err
	}
	if image.options.CertDirs == nil {
		image.options.CertDirs = defaultCertDirs()
	}
	if image.options.OnWait == nil {
		image.options.OnWait = func(string, time.Duration) {}
	}
	if image.options.StallTimeout == 0 {
		image.options.StallTimeout = defaultStallTimeout
	}
	if image.options.Backoff.Steps == 0 {
		image.options.Backoff = transport.Backoff{Duration: time.Second, Factor: 3, Jitter: 0.1, Steps: 3}
	}
	return image, nil
}

func keychain(options Options) (authn.Keychain, error) {
	switch {
	case options.Creds != "":
		return givenKeychain(options.Creds)
	case options.Keychain != nil:
		return options.Keychain, nil
	}
	return authn.DefaultKeychain, nil
}

// Reference is the full name, with registry and tag or digest.
func (i *Image) Reference() string {
	return strings.Replace(i.ref.Name(), name.DefaultRegistry, "docker.io", 1)
}

// Resolve finds the manifest for a platform and the digest the reference itself names.
func (i *Image) Resolve(ctx context.Context, wanted v1.Platform) (oci.Document, v1.Hash, error) {
	if err := i.connect(ctx); err != nil {
		return oci.Document{}, v1.Hash{}, err
	}
	top, err := i.manifest(ctx, i.ref.Identifier(), oci.MaxDocumentBytes)
	if err != nil {
		return oci.Document{}, v1.Hash{}, err
	}
	if digest, ok := i.ref.(name.Digest); ok && top.Digest.String() != digest.DigestStr() {
		return oci.Document{}, v1.Hash{}, i.wrongDigest(digest.DigestStr(), top.Digest)
	}
	manifest, err := oci.Descend(ctx, top, wanted, i.readEntry)
	return manifest, top.Digest, err
}

func (i *Image) readEntry(ctx context.Context, entry v1.Descriptor) (oci.Document, error) {
	if entry.Size > oci.MaxDocumentBytes {
		return oci.Document{}, fault.New(fault.ImageInvalid, "pull %s: manifest %s has %d bytes, at most %d are allowed",
			i.given, entry.Digest, entry.Size, oci.MaxDocumentBytes)
	}
	document, err := i.manifest(ctx, entry.Digest.String(), entry.Size)
	if err == nil && document.Digest != entry.Digest {
		err = i.wrongDigest(entry.Digest.String(), document.Digest)
	}
	return document, err
}

func (i *Image) wrongDigest(wanted string, got v1.Hash) error {
	return fault.New(fault.ImageDigestMismatch, "pull %s: manifest %s was asked for, the registry sent %s", i.given, wanted, got).
		With("digest", wanted)
}

func (i *Image) manifest(ctx context.Context, id string, limit int64) (oci.Document, error) {
	ctx, cancel := context.WithTimeout(ctx, documentTimeout)
	defer cancel()
	response, err := i.get(ctx, "manifests", id, http.Header{"Accept": {acceptedManifests}})
	if err != nil {
		return oci.Document{}, i.explain(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return oci.Document{}, i.explain(err)
	}
	if int64(len(raw)) > limit {
		return oci.Document{}, fault.New(fault.ImageInvalid, "pull %s: manifest %s has more than %d bytes", i.given, id, limit)
	}
	return oci.NewDocument(raw, response.Header.Get("Content-Type"))
}

// get sends one authenticated GET; the answer is 200 or 206.
func (i *Image) get(ctx context.Context, kind, id string, header http.Header) (*http.Response, error) {
	repository := i.ref.Context()
	address := url.URL{
		Scheme: repository.Scheme(),
		Host:   repository.RegistryStr(),
		Path:   fmt.Sprintf("/v2/%s/%s/%s", repository.RepositoryStr(), kind, id),
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	for key, values := range header {
		request.Header[key] = values
	}
	response, err := i.client.Do(request)
	if err != nil {
		return nil, err
	}
	if err := transport.CheckError(response, http.StatusOK, http.StatusPartialContent); err != nil {
		response.Body.Close()
		return nil, err
	}
	return response, nil
}
