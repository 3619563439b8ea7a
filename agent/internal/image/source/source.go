// Package source is where images come from: registries, container daemons, OCI
// layouts, docker save archives, root directories and rootfs tars.
package source

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/blobstore"
	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/oci"
	"bandsox.dev/agent/internal/image/registry"
)

// Image is one image somewhere outside the store. Resolve comes before Open.
type Image interface {
	// Reference names the image in events and messages.
	Reference() string
	// Resolve returns the manifest for a platform and the digest the reference
	// itself stands for, which is an index's where there is one.
	Resolve(ctx context.Context, wanted v1.Platform) (manifest oci.Document, named v1.Hash, err error)
	// Open streams a blob of the manifest, unverified.
	Open(ctx context.Context, blob v1.Descriptor) (io.ReadCloser, error)
}

// Resumable is an Image whose blobs can be streamed from an offset on.
type Resumable interface {
	OpenAt(ctx context.Context, blob v1.Descriptor, offset int64) (io.ReadCloser, error)
}

// Options are what the kinds of source need beside their address.
type Options struct {
	// Store receives what dir: and tar: pack while they resolve
	Store *blobstore.Store
	// MaxBytes bounds what may be packed or decompressed on the host
	MaxBytes int64
	// Registry says how to reach registries
	Registry registry.Options
	// Run fills the config of dir: and tar: images
	Run v1.Config
	// DaemonSockets are where a Docker-like daemon may listen (default: DaemonSockets of the environment)
	DaemonSockets []string
}

// Parse reads a source such as `registry:python:3-alpine` or `oci:/images/app:v1`.
func Parse(text string, options Options) (Image, error) {
	kind, rest, _ := strings.Cut(text, ":")
	if rest == "" {
		return nil, fault.New(fault.Internal, "read source %q: want registry:, docker-daemon:, oci:, docker-archive:, dir: or tar: and an address", text)
	}
	switch kind {
	case "registry":
		return registry.ParseMirrored(rest, options.Registry)
	case "oci":
		path, tag := splitTag(rest)
		return &layoutImage{path: path, tag: tag}, nil
	case "docker-archive":
		path, tag := splitTag(rest)
		return &archiveImage{path: path, tag: tag, options: options}, nil
	case "docker-daemon":
		return &daemonImage{name: rest, options: options}, nil
	case "dir", "tar":
		return &rootfsImage{kind: kind, path: rest, options: options}, nil
	}
	return nil, fault.New(fault.Internal, "read source %q: %q is no kind of source", text, kind)
}

// TakesRunConfig reports whether a source's config is made from Options.Run.
func TakesRunConfig(text string) bool {
	return strings.HasPrefix(text, "dir:") || strings.HasPrefix(text, "tar:")
}

// splitTag splits `path[:tag]` where the path itself may contain colons: the
// longest prefix that exists is the path.
func splitTag(text string) (path, tag string) {
	for end := len(text); end > 0; end = strings.LastIndexByte(text[:end], ':') {
		if _, err := os.Stat(text[:end]); err == nil {
			return text[:end], strings.TrimPrefix(text[end:], ":")
		}
	}
	path, tag, _ = strings.Cut(text, ":")
	return path, tag
}

// fileFault explains a failed operation on the user's file: absent is image_not_found.
func fileFault(action, path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return fault.New(fault.ImageNotFound, "there is no image at %s: %s: %w", path, action, fault.Reason(err)).With("path", path)
	}
	return fault.File(action, path, err)
}
