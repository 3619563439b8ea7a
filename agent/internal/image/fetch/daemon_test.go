package fetch_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
	"bandsox.dev/agent/internal/image/source"
)

// startDaemon serves what a Docker daemon does of `GET /images/{name}/get`, on a socket of its own.
func startDaemon(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "daemon.sock")
	listener, err := net.Listen("unix", socket)
	Must(t, err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: answer}}
	server.Start()
	t.Cleanup(server.Close)
	return socket
}

// daemonWith has one image under one name.
func daemonWith(t *testing.T, name string, archive []byte) string {
	t.Helper()
	return startDaemon(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/images/"+name+"/get" {
			w.WriteHeader(http.StatusNotFound)
			w.Write([]byte(`{"message":"No such image"}`))
			return
		}
		w.Header().Set("Content-Type", "application/x-tar")
		w.Write(archive)
	})
}

func at(sockets ...string) func(*source.Options) {
	return func(options *source.Options) { options.DaemonSockets = sockets }
}

func savedArchive(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive.tar")
	save(t, path, nil, savedImage{tags: []string{"team/app:v1"}, layers: []Blob{PlainLayer(t, File("a", "a"))}})
	content, err := os.ReadFile(path)
	Must(t, err)
	return content
}

func TestAnImageOfADaemonIsThatOfItsArchive(t *testing.T) {
	archive := savedArchive(t)
	path := filepath.Join(t.TempDir(), "archive.tar")
	Must(t, os.WriteFile(path, archive, 0o600))
	saved := pull(t, context.Background(), "docker-archive:"+path, "linux/amd64", nil)
	Must(t, saved.err)
	socket := daemonWith(t, "team/app:v1", archive)
	exported := pull(t, context.Background(), "docker-daemon:team/app:v1", "linux/amd64", at(socket))
	Must(t, exported.err)
	if exported.image.Digest != saved.image.Digest {
		t.Errorf("exported %s, saved %s", exported.image.Digest, saved.image.Digest)
	}
	exported.wantNoScratch(t)
}

func TestTheNextDaemonIsAskedWhenOneLacksTheImage(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent.sock")
	other := daemonWith(t, "other:v1", nil)
	socket := daemonWith(t, "team/app:v1", savedArchive(t))
	Must(t, pull(t, context.Background(), "docker-daemon:team/app:v1", "linux/amd64", at(absent, other, socket)).err)
	failure := WantCode(t, pull(t, context.Background(), "docker-daemon:team/app:v2", "linux/amd64", at(absent, other, socket)).err, fault.ImageNotFound)
	wantWords(t, failure, "team/app:v2", other+" and "+socket)
}

func TestADaemonThatIsNotThereIsNamed(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent.sock")
	broken := startDaemon(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		w.Write([]byte(`{"message":"the graph driver is lost"}`))
	})
	result := pull(t, context.Background(), "docker-daemon:a", "linux/amd64", at(absent, broken))
	wantWords(t, WantCode(t, result.err, fault.DaemonUnreachable), absent+" (no such file or directory)", broken, "500: the graph driver is lost")
}

func TestAnExportIsBounded(t *testing.T) {
	socket := daemonWith(t, "a", make([]byte, 3<<20))
	result := pull(t, context.Background(), "docker-daemon:a", "linux/amd64", func(options *source.Options) {
		options.DaemonSockets, options.MaxBytes = []string{socket}, 1<<20
	})
	WantCode(t, result.err, fault.ImageTooLarge)
	result.wantNoScratch(t)
}

func TestDaemonSockets(t *testing.T) {
	env := map[string]string{"DOCKER_HOST": "unix:///run/own.sock", "XDG_RUNTIME_DIR": "/run/user/1"}
	if got := source.DaemonSockets(func(key string) string { return env[key] }); len(got) != 1 || got[0] != "/run/own.sock" {
		t.Errorf("with DOCKER_HOST they are %v", got)
	}
	delete(env, "DOCKER_HOST")
	got := source.DaemonSockets(func(key string) string { return env[key] })
	if len(got) < 3 || got[0] != "/var/run/docker.sock" || got[2] != "/run/user/1/podman/podman.sock" {
		t.Errorf("they are %v", got)
	}
}
