package oci

import (
	"bytes"
	"context"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/fault"
)

// maxIndexDepth bounds how many indexes may lead to a manifest.
const maxIndexDepth = 4

// ParsePlatform reads `os/arch` or `os/arch/variant`.
func ParsePlatform(text string) (v1.Platform, error) {
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return v1.Platform{}, fault.New(fault.Internal, "read platform %q: want os/arch or os/arch/variant", text)
	}
	platform := v1.Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		platform.Variant = parts[2]
	}
	return platform, nil
}

// Variants an architecture runs, best first, by the variant wanted. An empty
// variant means the architecture's baseline.
var runnable = map[string][]string{
	"amd64/":   {"v1"},
	"amd64/v2": {"v2", "v1"},
	"amd64/v3": {"v3", "v2", "v1"},
	"amd64/v4": {"v4", "v3", "v2", "v1"},
	"arm64/":   {"v8"},
	"arm/":     {"v7", "v6", "v5"},
	"arm/v7":   {"v7", "v6", "v5"},
	"arm/v6":   {"v6", "v5"},
}

var baseline = map[string]string{"amd64": "v1", "arm64": "v8", "arm": "v7"}

// rank is how well offered suits wanted: 0 is best, -1 is not at all.
func rank(offered, wanted v1.Platform) int {
	if offered.OS != wanted.OS || offered.Architecture != wanted.Architecture {
		return -1
	}
	have := offered.Variant
	if have == "" {
		have = baseline[offered.Architecture]
	}
	order, known := runnable[wanted.Architecture+"/"+wanted.Variant]
	if !known {
		order = []string{wanted.Variant}
	}
	return slices.Index(order, have)
}

// SelectPlatform picks the manifest of an index that suits a platform best; the first wins a tie.
func SelectPlatform(manifests []v1.Descriptor, wanted v1.Platform) (v1.Descriptor, error) {
	best, bestRank := v1.Descriptor{}, -1
	offers := []string{}
	for _, entry := range manifests {
		if entry.Platform == nil || entry.Platform.OS == "unknown" {
			continue
		}
		offers = append(offers, entry.Platform.String())
		found := rank(*entry.Platform, wanted)
		if found >= 0 && (bestRank < 0 || found < bestRank) {
			best, bestRank = entry, found
		}
	}
	if bestRank < 0 {
		return best, fault.New(fault.ImagePlatformMissing, "select %s: the image offers %s", wanted, orNothing(offers)).
			With("platform", wanted.String()).With("available", offers)
	}
	return best, nil
}

// CheckPlatform refuses a config made for another platform; a config that names none passes.
func CheckPlatform(config *v1.ConfigFile, wanted v1.Platform) error {
	offered := config.Platform()
	if offered == nil || rank(*offered, wanted) >= 0 {
		return nil
	}
	return fault.New(fault.ImagePlatformMissing, "select %s: the image offers %s", wanted, offered).
		With("platform", wanted.String()).With("available", []string{offered.String()})
}

// ReadDocument fetches the document a descriptor names; the result has that digest.
type ReadDocument func(ctx context.Context, descriptor v1.Descriptor) (Document, error)

// Descend follows indexes from top to the manifest for a platform.
func Descend(ctx context.Context, top Document, wanted v1.Platform, read ReadDocument) (Document, error) {
	document := top
	for range maxIndexDepth {
		if !document.IsIndex() {
			return document, nil
		}
		index, err := v1.ParseIndexManifest(bytes.NewReader(document.Raw))
		if err != nil {
			return Document{}, fault.New(fault.ImageInvalid, "read index %s: %w", document.Digest, err)
		}
		entry, err := onlyOrSelected(index.Manifests, wanted)
		if err != nil {
			return Document{}, err
		}
		if err := checkDescriptor("manifest", entry); err != nil {
			return Document{}, err
		}
		if document, err = read(ctx, entry); err != nil {
			return Document{}, err
		}
	}
	return Document{}, fault.New(fault.ImageInvalid, "read index %s: more than %d indexes lead to a manifest", top.Digest, maxIndexDepth)
}

// onlyOrSelected accepts a single entry without a platform: its config has the final say.
func onlyOrSelected(manifests []v1.Descriptor, wanted v1.Platform) (v1.Descriptor, error) {
	if len(manifests) == 1 && manifests[0].Platform == nil {
		return manifests[0], nil
	}
	return SelectPlatform(manifests, wanted)
}

func orNothing(offers []string) string {
	if len(offers) == 0 {
		return "no platform"
	}
	return strings.Join(offers, ", ")
}
