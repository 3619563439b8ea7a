package fetch_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
	"bandsox.dev/agent/internal/image/registry"
	"bandsox.dev/agent/internal/image/source"
)

// with changes how registries are reached.
func with(change func(*registry.Options)) func(*source.Options) {
	return func(options *source.Options) { change(&options.Registry) }
}

func settingsOf(content map[string]registry.Setting) func(*source.Options) {
	return with(func(options *registry.Options) { options.Settings.Registries = content })
}

// basicAuth lets alice in, whose password is secret.
func basicAuth(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "alice" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func TestGivenCredentials(t *testing.T) {
	server := newHost(t, basicAuth)
	image := testImage(t)
	server.push(t, image, "latest")
	given := func(creds string) outcome {
		return pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", with(func(o *registry.Options) { o.Creds = creds }))
	}
	given("alice:secret").wantBlobs(t, image)
	failure := WantCode(t, given("alice:wrong").err, fault.RegistryUnauthorized)
	wantWords(t, failure, "registry 127.0.0.1:", "repository:some/app:pull", "with the credentials given for this call")
	if strings.Contains(failure.Message, "wrong") {
		t.Errorf("the message tells the password: %s", failure.Message)
	}
	WantCode(t, given("alice").err, fault.InvalidArgument)
}

func TestACredentialHelperIsAskedAndNamed(t *testing.T) {
	server := newHost(t, basicAuth)
	image := testImage(t)
	server.push(t, image, "latest")
	bin := t.TempDir()
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	config := filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json")
	Must(t, os.WriteFile(config, []byte(fmt.Sprintf(`{"credHelpers":{%q:"vault"}}`, strings.TrimPrefix(server.URL, "http://"))), 0o600))
	helper := func(script string) outcome {
		Must(t, os.WriteFile(filepath.Join(bin, "docker-credential-vault"), []byte("#!/bin/sh\nread server\n"+script), 0o755))
		return pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", nil)
	}
	helper(`echo "{\"ServerURL\":\"$server\",\"Username\":\"alice\",\"Secret\":\"secret\"}"`).wantBlobs(t, image)
	failure := WantCode(t, helper(`echo '{"Username":"alice","Secret":"old"}'`).err, fault.RegistryUnauthorized)
	wantWords(t, failure, "with the credentials of docker-credential-vault (named in "+config+")")
	failure = WantCode(t, helper(`echo "credentials not found in native keychain"; exit 1`).err, fault.RegistryUnauthorized)
	wantWords(t, failure, "anonymously (docker-credential-vault, named in "+config+", has none for ")
}

func TestAPrivateAuthority(t *testing.T) {
	plain := newHost(t, nil)
	image := testImage(t)
	plain.push(t, image, "latest")
	server := httptest.NewUnstartedServer(plain.inner)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshakes
	server.StartTLS()
	t.Cleanup(server.Close)
	reference := "registry:" + strings.TrimPrefix(server.URL, "https://") + "/" + repository
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	host := strings.TrimPrefix(server.URL, "https://")

	unknown := pull(t, context.Background(), reference, "linux/amd64", nil)
	wantWords(t, WantCode(t, unknown.err, fault.RegistryUnreachable), "certificate")

	file := filepath.Join(t.TempDir(), "ca.pem")
	Must(t, os.WriteFile(file, authority, 0o600))
	pull(t, context.Background(), reference, "linux/amd64", settingsOf(map[string]registry.Setting{host: {CA: file}})).wantBlobs(t, image)

	dirs := t.TempDir()
	Must(t, os.Mkdir(filepath.Join(dirs, host), 0o755))
	Must(t, os.WriteFile(filepath.Join(dirs, host, "ca.crt"), authority, 0o600))
	pull(t, context.Background(), reference, "linux/amd64", with(func(o *registry.Options) { o.CertDirs = []string{dirs} })).wantBlobs(t, image)

	Must(t, os.WriteFile(file, []byte("no certificate"), 0o600))
	broken := pull(t, context.Background(), reference, "linux/amd64", settingsOf(map[string]registry.Setting{host: {CA: file}}))
	wantWords(t, WantCode(t, broken.err, fault.InvalidArgument), file)
}

func TestAMirrorIsAskedFirstAndTheRegistryLast(t *testing.T) {
	image := testImage(t)
	var asked atomic.Int32
	counting := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			next.ServeHTTP(w, r)
		})
	}
	upstream, mirror, broken := newHost(t, counting), newHost(t, nil), newHost(t, answerFor("/v2/", status(500, "")))
	mirrors := func(hosts ...*host) []string {
		names := []string{}
		for _, h := range hosts {
			names = append(names, strings.TrimPrefix(h.URL, "http://"))
		}
		return names
	}
	get := func(mirrors []string) outcome {
		settings := map[string]registry.Setting{strings.TrimPrefix(upstream.URL, "http://"): {Mirrors: mirrors}}
		return pull(t, context.Background(), "registry:"+upstream.name(":tag"), "linux/amd64", settingsOf(settings))
	}
	missing := get(mirrors(broken, mirror))
	wantWords(t, WantCode(t, missing.err, fault.ImageNotFound), upstream.name(":tag"), "after mirror ", "(registry_unreachable)", "(image_not_found)")

	mirror.push(t, image, "tag")
	asked.Store(0)
	served := get(mirrors(broken, mirror))
	served.wantBlobs(t, image)
	if asked.Load() != 0 {
		t.Errorf("the registry itself was asked %d times", asked.Load())
	}

	upstream.push(t, image, "tag")
	get(mirrors(broken)).wantBlobs(t, image)
	if asked.Load() == 0 {
		t.Error("the registry itself was not asked")
	}
}

func TestARegistryThatAsksForPatienceIsGivenIt(t *testing.T) {
	image := testImage(t)
	for name, row := range map[string]struct {
		header string
		limits int32 // how many answers are 429
		want   fault.Code
	}{
		"a wait it names":        {header: "1", limits: 1},
		"a wait it does not":     {limits: 3},
		"a wait beyond patience": {header: "3600", limits: 1, want: fault.RegistryRateLimited},
		"no end of waiting":      {limits: 1000, want: fault.RegistryRateLimited},
	} {
		t.Run(name, func(t *testing.T) {
			var left atomic.Int32
			left.Store(row.limits)
			server := newHost(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.Contains(r.URL.Path, "/manifests/") && left.Add(-1) >= 0 {
						w.Header().Set("Retry-After", row.header)
						w.WriteHeader(http.StatusTooManyRequests)
						return
					}
					next.ServeHTTP(w, r)
				})
			})
			server.push(t, image, "latest")
			waits := []time.Duration{}
			result := pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", with(func(o *registry.Options) {
				o.OnWait = func(_ string, wait time.Duration) { waits = append(waits, wait) }
			}))
			if row.want != "" {
				WantCode(t, result.err, row.want)
				return
			}
			result.wantBlobs(t, image)
			if int32(len(waits)) != row.limits || row.header == "1" && waits[0] != time.Second {
				t.Errorf("it waited %v", waits)
			}
		})
	}
}

func TestSettingsAreReadStrictly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registries.json")
	settings, err := registry.ReadSettings(path)
	if err != nil || len(settings.Registries) != 0 {
		t.Errorf("an absent file says %v, %v", settings, err)
	}
	Must(t, os.WriteFile(path, []byte(`{"registries":{"docker.io":{"mirrors":["m:5000/hub"]},"h.lan":{"ca":"ca.pem","plainHttp":true}}}`), 0o600))
	settings, err = registry.ReadSettings(path)
	Must(t, err)
	if got := settings.Registries["h.lan"]; got.CA != filepath.Join(filepath.Dir(path), "ca.pem") || !got.PlainHTTP {
		t.Errorf("h.lan is %+v", got)
	}
	for _, content := range []string{`{"registries":{"a":{"mirorrs":[]}}}`, `{`, `[]`} {
		Must(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := registry.ReadSettings(path)
		wantWords(t, WantCode(t, err, fault.InvalidArgument), path)
	}
}

// TestAPullThatWasCutShortIsTakenUp cuts a transfer in one store handle and goes on in another, as after a crash.
func TestAPullThatWasCutShortIsTakenUp(t *testing.T) {
	image, layer := layerImage(t)
	ranges := []string{}
	ctx, cut := context.WithCancel(context.Background())
	server := newHost(t, answerFor(image.Layers[0].Digest.String(), func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		begin := 0
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &begin)
		w.Header().Set("Content-Length", fmt.Sprint(len(layer)-begin))
		if begin > 0 {
			w.WriteHeader(http.StatusPartialContent)
			w.Write(layer[begin:])
			return
		}
		w.Write(layer[:len(layer)/2])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	server.push(t, image, "latest")
	dir := t.TempDir()
	partial := filepath.Join(dir, "partial", image.Layers[0].Digest.Hex)
	go func() {
		for ctx.Err() == nil {
			if info, err := os.Stat(partial); err == nil && info.Size() == int64(len(layer)/2) {
				cut()
			}
		}
	}()
	first := pullInto(t, ctx, dir, "registry:"+server.name(""), "linux/amd64", nil)
	WantCode(t, first.err, fault.Interrupted)
	first.wantNoLayers(t, image)
	second := pullInto(t, context.Background(), dir, "registry:"+server.name(""), "linux/amd64", nil)
	second.wantBlobs(t, image)
	if want := []string{"", fmt.Sprintf("bytes=%d-", len(layer)/2)}; !slices.Equal(ranges, want) {
		t.Errorf("the ranges asked for are %q, want %q", ranges, want)
	}
	if _, err := os.Stat(partial); err == nil {
		t.Error("the beginning is still there")
	}
}

func TestADamagedBeginningIsNotTrusted(t *testing.T) {
	image, layer := layerImage(t)
	server := newHost(t, nil)
	server.push(t, image, "latest")
	dir := t.TempDir()
	partial := filepath.Join(dir, "partial", image.Layers[0].Digest.Hex)
	Must(t, os.MkdirAll(filepath.Dir(partial), 0o755))
	Must(t, os.WriteFile(partial, make([]byte, len(layer)/2), 0o600))
	WantCode(t, pullInto(t, context.Background(), dir, "registry:"+server.name(""), "linux/amd64", nil).err, fault.ImageDigestMismatch)
	pullInto(t, context.Background(), dir, "registry:"+server.name(""), "linux/amd64", nil).wantBlobs(t, image)
}
