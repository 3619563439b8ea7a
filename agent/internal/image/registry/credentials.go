package registry

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
)

// describeCredentials says, without any secret, how we introduced ourselves.
func describeCredentials(auth authn.Authenticator, registry string) string {
	path := credentialFile()
	switch {
	case auth != authn.Anonymous:
		return "with the credentials in " + orDefault(path, "the keychain")
	case path == "":
		return "anonymously (there is no credential file)"
	}
	return fmt.Sprintf("anonymously (%s has no entry for %s)", path, registry)
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
