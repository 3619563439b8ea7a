package registry

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"bandsox.dev/agent/internal/image/fault"
)

const dockerHub = "docker.io"

// Settings say how registries are reached, by `host` or `host:port`; Docker Hub is `docker.io`. As a file:
//
//	{"registries": {"docker.io":       {"mirrors": ["mirror.lan:5000/hub"]},
//	                "mirror.lan:5000": {"plainHttp": true},
//	                "harbor.lan":      {"ca": "harbor-ca.pem"}}}
type Settings struct {
	Registries map[string]Setting `json:"registries"`
}

// Setting is how one registry is reached.
type Setting struct {
	// Mirrors are asked first, in order: `host[:port][/prefix]`
	Mirrors []string `json:"mirrors"`
	// PlainHTTP allows it to be spoken to without TLS
	PlainHTTP bool `json:"plainHttp"`
	// CA is a PEM file that is trusted beside the system's authorities, relative to the settings file
	CA string `json:"ca"`
}

// ReadSettings reads a settings file; one that does not exist says nothing.
func ReadSettings(path string) (Settings, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, fault.File("read", path, err)
	}
	var settings Settings
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&settings); err != nil {
		return Settings{}, fault.New(fault.InvalidArgument, "read registry settings %s: %w", path, err).
			With("field", "registries").With("found", path)
	}
	for host, setting := range settings.Registries {
		if setting.CA != "" && !filepath.IsAbs(setting.CA) {
			setting.CA = filepath.Join(filepath.Dir(path), setting.CA)
			settings.Registries[host] = setting
		}
	}
	return settings, nil
}

// of finds what is said of a registry, with its port or without.
func (s Settings) of(registry string) Setting {
	host := hubName(registry)
	if setting, ok := s.Registries[host]; ok {
		return setting
	}
	bare, _, _ := strings.Cut(host, ":")
	return s.Registries[bare]
}

func hubName(registry string) string {
	if registry == name.DefaultRegistry {
		return dockerHub
	}
	return registry
}

// defaultCertDirs are where Docker and Podman look for a registry's authorities.
func defaultCertDirs() []string {
	dirs := []string{"/etc/docker/certs.d", "/etc/containers/certs.d"}
	if config, err := os.UserConfigDir(); err == nil {
		dirs = append(dirs, filepath.Join(config, "containers", "certs.d"))
	}
	return dirs
}

// trust is the TLS configuration for a registry: the system's authorities and
// those given for it; nil when there are no others.
func trust(registry string, setting Setting, certDirs []string) (*tls.Config, error) {
	files := []string{}
	for _, dir := range certDirs {
		found, _ := filepath.Glob(filepath.Join(dir, hubName(registry), "*.crt")) // the pattern is well formed
		files = append(files, found...)
	}
	if setting.CA != "" {
		files = append(files, setting.CA)
	}
	if len(files) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, file := range slices.Compact(files) {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fault.File("read the certificates of "+hubName(registry)+" in", file, err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.InvalidArgument, "read the certificates of %s in %s: it holds none in PEM", hubName(registry), file).
				With("field", "ca").With("found", file)
		}
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}
