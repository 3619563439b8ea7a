package source

import (
	"os"
	"path/filepath"
	"strings"
)

// DaemonSockets are the Unix sockets a Docker-like daemon of this user or
// machine may listen on, in the order they are tried. DOCKER_HOST, when set, is
// the only one.
func DaemonSockets(getenv func(string) string) []string {
	if host := getenv("DOCKER_HOST"); host != "" {
		return []string{strings.TrimPrefix(host, "unix://")}
	}
	sockets := []string{}
	if host := getenv("CONTAINER_HOST"); strings.HasPrefix(host, "unix://") {
		sockets = append(sockets, strings.TrimPrefix(host, "unix://"))
	}
	sockets = append(sockets, "/var/run/docker.sock")
	if runtimeDir := getenv("XDG_RUNTIME_DIR"); runtimeDir != "" {
		sockets = append(sockets, filepath.Join(runtimeDir, "docker.sock"), filepath.Join(runtimeDir, "podman", "podman.sock"))
	}
	if os.Geteuid() == 0 {
		sockets = append(sockets, "/run/podman/podman.sock")
	}
	return sockets
}
