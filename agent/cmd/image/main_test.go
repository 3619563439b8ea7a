package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	. "bandsox.dev/agent/internal/image/imagetest"
)

// asHelper makes the test program run as the helper itself.
const asHelper = "IMAGE_TEST_AS_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(asHelper) != "" {
		main()
	}
	os.Exit(m.Run())
}

// helper is the program, running.
type helper struct {
	*exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
}

func start(t *testing.T, change func(*exec.Cmd), args ...string) *helper {
	t.Helper()
	self, err := os.Executable()
	Must(t, err)
	h := &helper{Cmd: exec.Command(self, args...)}
	h.Env = append(os.Environ(), asHelper+"=1", "HOME="+t.TempDir(), "DOCKER_CONFIG=/nonexistent")
	h.Stderr = os.Stderr
	h.stdin, err = h.StdinPipe()
	Must(t, err)
	stdout, err := h.StdoutPipe()
	Must(t, err)
	h.lines = bufio.NewScanner(stdout)
	if change != nil {
		change(h.Cmd)
	}
	Must(t, h.Start())
	t.Cleanup(func() { h.Process.Kill() })
	return h
}

// next reads one event.
func (h *helper) next(t *testing.T) map[string]any {
	t.Helper()
	if !h.lines.Scan() {
		return nil
	}
	var line map[string]any
	if err := json.Unmarshal(h.lines.Bytes(), &line); err != nil {
		t.Fatalf("not a JSON object: %s", h.lines.Text())
	}
	return line
}

// finish reads to the end and returns the last event and the exit code.
func (h *helper) finish(t *testing.T) (map[string]any, int) {
	t.Helper()
	var last map[string]any
	for line := h.next(t); line != nil; line = h.next(t) {
		last = line
	}
	h.Wait()
	return last, h.ProcessState.ExitCode()
}

func wantFailure(t *testing.T, last map[string]any, code int, wantError string, wantCode int) {
	t.Helper()
	if last["type"] != "error" || last["code"] != wantError || code != wantCode {
		t.Errorf("exit code %d, last event %v", code, last)
	}
	if _, ok := last["details"].(map[string]any); !ok || last["message"] == "" {
		t.Errorf("the error is %v", last)
	}
}

func TestFetchThenBuild(t *testing.T) {
	NeedRoot(t)
	NeedTool(t, "mke2fs")
	dir := t.TempDir()
	NewImage(t, nil, GzipLayer(t, File("a", "a"))).WriteLayout(t, filepath.Join(dir, "layout"), "v1")
	store, output := filepath.Join(dir, "store"), filepath.Join(dir, "base.ext4")
	image, code := start(t, nil, "fetch", "--stdin-lifeline", "--store", store, "--platform", "linux/amd64", "oci:"+filepath.Join(dir, "layout")).finish(t)
	if image["type"] != "image" || code != 0 {
		t.Fatalf("exit code %d, last event %v", code, image)
	}
	disk, code := start(t, nil, "build-disk", "--stdin-lifeline", "--store", store, "--manifest", image["digest"].(string),
		"--staging", filepath.Join(dir, "staging"), "--output", output,
		"--apparent-bytes", "1073741824", "--max-content-bytes", "1000000").finish(t)
	if disk["type"] != "disk" || disk["path"] != output || code != 0 {
		t.Fatalf("exit code %d, last event %v", code, disk)
	}
	Run(t, NeedTool(t, "e2fsck"), "-f", "-n", output)
}

func TestRunConfigOfATar(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rootfs.tar")
	Must(t, os.WriteFile(path, Tar(t, File("a", "a")), 0o600))
	image, code := start(t, nil, "fetch", "--store", filepath.Join(dir, "store"), "--platform", "linux/amd64",
		"--env", "A=b", "--env", "C=d", "--cmd", `["x","y z"]`, "--entrypoint", `["e"]`, "--workdir", "/w", "--user", "1:2", "tar:"+path).finish(t)
	got, err := json.Marshal(image["config"])
	Must(t, err)
	want := `{"cmd":["x","y z"],"entrypoint":["e"],"env":["A=b","C=d"],"exposedPorts":[],"labels":{},"stopSignal":"","user":"1:2","workingDir":"/w"}`
	if code != 0 || string(got) != want {
		t.Errorf("exit code %d, config %s", code, got)
	}
}

func TestWrongUsage(t *testing.T) {
	for name, args := range map[string][]string{
		"no subcommand":      {},
		"another subcommand": {"eat"},
		"no store":           {"fetch", "--platform", "linux/amd64", "oci:x"},
		"no source":          {"fetch", "--store", "x", "--platform", "linux/amd64"},
		"two sources":        {"fetch", "--store", "x", "--platform", "linux/amd64", "oci:x", "oci:y"},
		"a bad platform":     {"fetch", "--store", "x", "--platform", "amd64", "oci:x"},
		"a bad list":         {"fetch", "--store", "x", "--platform", "linux/amd64", "--cmd", "sh", "dir:x"},
		"a bad digest": {"build-disk", "--store", "x", "--manifest", "sha256:../../etc", "--staging", "x", "--output", "x",
			"--apparent-bytes", "1", "--max-content-bytes", "1"},
		"an unknown flag": {"build-disk", "--fast"},
	} {
		t.Run(name, func(t *testing.T) {
			last, code := start(t, func(command *exec.Cmd) { command.Stderr = nil }, args...).finish(t)
			wantFailure(t, last, code, "internal", exitUsage)
		})
	}
}

func TestARunConfigIsForWhatSaysNothingOfItself(t *testing.T) {
	last, code := start(t, nil, "fetch", "--store", t.TempDir(), "--platform", "linux/amd64", "--env", "A=b", "oci:x").finish(t)
	wantFailure(t, last, code, "invalid_argument", exitUsage)
}

func TestAFailureIsTheLastLine(t *testing.T) {
	dir := t.TempDir()
	last, code := start(t, nil, "fetch", "--store", dir, "--platform", "linux/amd64", "oci:"+dir+"/absent").finish(t)
	wantFailure(t, last, code, "image_not_found", exitFailed)
}

// stalledRegistry serves an image whose layer never ends.
func stalledRegistry(t *testing.T) string {
	t.Helper()
	image := NewImage(t, nil, PlainLayer(t, File("a", strings.Repeat("abc", 100_000))))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/v2/":
		case strings.Contains(path, "/manifests/"):
			w.Header().Set("Content-Type", string(image.Manifest.MediaType))
			w.Write(image.Blobs[image.Manifest.Digest])
		case strings.HasSuffix(path, image.Config.Digest.String()):
			w.Write(image.Blobs[image.Config.Digest])
		default:
			w.Write(image.Blobs[image.Layers[0].Digest][:1000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	}))
	t.Cleanup(server.CloseClientConnections)
	return strings.TrimPrefix(server.URL, "http://") + "/app"
}

func TestInterruptions(t *testing.T) {
	reference := stalledRegistry(t)
	for name, interrupt := range map[string]func(*helper){
		"the end of standard input": func(h *helper) { h.stdin.Close() },
		"SIGTERM":                   func(h *helper) { h.Process.Signal(syscall.SIGTERM) },
		"SIGINT":                    func(h *helper) { h.Process.Signal(syscall.SIGINT) },
	} {
		t.Run(name, func(t *testing.T) {
			store := t.TempDir()
			h := start(t, nil, "fetch", "--stdin-lifeline", "--store", store, "--platform", "linux/amd64", "registry:"+reference)
			waitForLayer(t, h)
			started := time.Now()
			interrupt(h)
			last, code := h.finish(t)
			wantFailure(t, last, code, "interrupted", exitInterrupted)
			if waited := time.Since(started); waited > 5*time.Second {
				t.Errorf("it took %s", waited)
			}
			wantOnlyConfig(t, store)
		})
	}
}

func TestALostReaderInterrupts(t *testing.T) {
	store := t.TempDir()
	h := start(t, func(command *exec.Cmd) {
		command.Stdout = nil
		reader, writer, err := os.Pipe()
		Must(t, err)
		Must(t, reader.Close())
		command.Stdout = writer
	}, "fetch", "--store", store, "--platform", "linux/amd64", "registry:"+stalledRegistry(t))
	h.Wait()
	if code := h.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	wantOnlyConfig(t, store)
}

// waitForLayer returns once the second blob, the layer, is on its way.
func waitForLayer(t *testing.T, h *helper) {
	t.Helper()
	for begun := 0; begun < 2; {
		line := h.next(t)
		if line == nil {
			t.Fatal("the helper ended early")
		}
		if line["state"] == "started" {
			begun++
		}
	}
}

// wantOnlyConfig checks that at most the config reached the store and that scratch space is empty.
func wantOnlyConfig(t *testing.T, store string) {
	t.Helper()
	blobs, err := os.ReadDir(filepath.Join(store, "blobs", "sha256"))
	Must(t, err)
	scratch, err := os.ReadDir(filepath.Join(store, "tmp"))
	Must(t, err)
	if len(blobs) > 1 || len(scratch) > 0 {
		t.Errorf("the store holds %v and %v", blobs, scratch)
	}
}

func TestAnInterruptedBuildRemovesItsStaging(t *testing.T) {
	NeedRoot(t)
	NeedTool(t, "mke2fs")
	image := NewImage(t, nil, GzipLayer(t, File("zeros", string(make([]byte, 16<<20)))), GzipLayer(t, File("more", string(make([]byte, 16<<20)))))
	dir := t.TempDir()
	image.WriteLayout(t, filepath.Join(dir, "store"), "v1") // a layout's blobs lie where a store's do
	work := filepath.Join(dir, "work")
	Must(t, os.Mkdir(work, 0o755))
	h := start(t, nil, "build-disk", "--stdin-lifeline", "--store", filepath.Join(dir, "store"), "--manifest", image.Manifest.Digest.String(),
		"--staging", filepath.Join(work, "staging"), "--output", filepath.Join(work, "base.ext4"),
		"--apparent-bytes", "1073741824", "--max-content-bytes", "1000000000")
	h.next(t)
	h.stdin.Close()
	last, code := h.finish(t)
	wantFailure(t, last, code, "interrupted", exitInterrupted)
	left, err := os.ReadDir(work)
	Must(t, err)
	if len(left) > 0 {
		t.Errorf("%v is left behind", left)
	}
}
