package registry

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"

	"bandsox.dev/agent/internal/image/fault"
)

// givenKeychain answers with the `user:password` a caller gave.
func givenKeychain(creds string) (authn.Keychain, error) {
	user, password, ok := strings.Cut(creds, ":")
	if !ok || user == "" {
		return nil, fault.New(fault.InvalidArgument, "read the given credentials: want user:password").
			With("field", "creds").With("found", "something else")
	}
	return oneKeychain{authn.FromConfig(authn.AuthConfig{Username: user, Password: password})}, nil
}

type oneKeychain struct{ auth authn.Authenticator }

func (k oneKeychain) Resolve(authn.Resource) (authn.Authenticator, error) { return k.auth, nil }

// describeCredentials says, without any secret, how we introduced ourselves.
func (i *Image) describeCredentials(auth authn.Authenticator) string {
	path, registry := credentialFile(), i.registry()
	helper := ""
	if path != "" {
		helper = helperFor(path, registry)
	}
	switch {
	case i.options.Creds != "":
		return "with the credentials given for this call"
	case auth != authn.Anonymous && helper != "":
		return fmt.Sprintf("with the credentials of %s (named in %s)", helper, path)
	case auth != authn.Anonymous:
		return "with the credentials in " + orDefault(path, "the keychain")
	case path == "":
		return "anonymously (there is no credential file)"
	case helper != "":
		return fmt.Sprintf("anonymously (%s, named in %s, has none for %s)", helper, path, registry)
	}
	return fmt.Sprintf("anonymously (%s has no entry for %s)", path, registry)
}

// helperFor is the program a credential file leaves a registry to, "" when the file itself is asked.
func helperFor(path, registry string) string {
	var file struct {
		CredsStore  string            `json:"credsStore"`
		CredHelpers map[string]string `json:"credHelpers"`
	}
	raw, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(raw, &file) != nil {
		return "" // told when the keychain reads it
	}
	keys := []string{registry, hubName(registry)}
	if hubName(registry) == dockerHub {
		keys = append(keys, authn.DefaultAuthKey)
	}
	for _, key := range keys {
		if helper := file.CredHelpers[key]; helper != "" {
			return "docker-credential-" + helper
		}
	}
	if file.CredsStore != "" {
		return "docker-credential-" + file.CredsStore
	}
	return ""
}

// credentialFile is the file the default keychain reads, "" when there is none.
func credentialFile() string {
	home, _ := os.UserHomeDir() // without a home there is one place less to look
	dockerConfig := os.Getenv("DOCKER_CONFIG")
	inHome := filepath.Join(home, ".docker", "config.json")
	candidates := []string{inHome}
	if dockerConfig != "" {
		candidates = []string{filepath.Join(dockerConfig, "config.json"), inHome}
	}
	if runtimeDir := os.Getenv("XDG_RUNTIME_DIR"); runtimeDir != "" {
		candidates = append(candidates, filepath.Join(runtimeDir, "containers", "auth.json"))
	}
	candidates = append(candidates,
		os.Getenv("REGISTRY_AUTH_FILE"),
		filepath.Join(orDefault(os.Getenv("XDG_CONFIG_HOME"), filepath.Join(home, ".config")), "containers", "auth.json"))
	for _, path := range candidates {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path
		}
	}
	return ""
}

func orDefault(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
