package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
	"bandsox.dev/agent/internal/image/source"
)

// answerFor replaces the answers to paths that contain part.
func answerFor(part string, answer http.HandlerFunc) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, part) {
				answer(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, body, code) }
}

func TestRegistryAnswers(t *testing.T) {
	image := testImage(t)
	huge := `{"schemaVersion":2,"layers":[],"annotations":{"a":"` + strings.Repeat("x", 5<<20) + `"}}`
	for name, row := range map[string]struct {
		around func(http.Handler) http.Handler
		want   fault.Code
		words  []string
	}{
		"an unknown tag": {nil, fault.ImageNotFound, []string{"pull 127.0.0.1:", ":missing: the registry answered 404 ("}},
		"an unknown blob": {answerFor(image.Layers[0].Digest.String(), status(404, `{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown"}]}`)),
			fault.ImageNotFound, []string{"404 (blob unknown)"}},
		"a denied blob":   {answerFor(image.Layers[0].Digest.String(), status(403, "")), fault.RegistryUnauthorized, []string{"403"}},
		"too many pulls":  {answerFor("/manifests/", status(429, `{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}`)), fault.RegistryRateLimited, []string{"429 (slow down)"}},
		"a server error":  {answerFor("/manifests/", status(503, "")), fault.RegistryUnreachable, []string{"503"}},
		"not a registry":  {answerFor("/v2/", status(404, "")), fault.RegistryUnreachable, []string{"404"}},
		"schema 1":        {answerFor("/manifests/", status(200, `{"schemaVersion":1,"fsLayers":[]}`)), fault.ImageUnsupported, []string{"schema 1"}},
		"not JSON":        {answerFor("/manifests/", status(200, `<html>`)), fault.ImageInvalid, nil},
		"something else":  {answerFor("/manifests/", status(200, `{"schemaVersion":2}`)), fault.ImageUnsupported, nil},
		"index and image": {answerFor("/manifests/", status(200, `{"schemaVersion":2,"layers":[],"manifests":[]}`)), fault.ImageInvalid, nil},
		"a huge manifest": {answerFor("/manifests/", status(200, huge)), fault.ImageInvalid, []string{"more than 4194304 bytes"}},
		"a loop of redirects": {answerFor("/manifests/", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}), fault.RegistryUnreachable, []string{"redirects"}},
	} {
		t.Run(name, func(t *testing.T) {
			server := newHost(t, row.around)
			server.push(t, image, "latest")
			tag := ":latest"
			if row.around == nil {
				tag = ":missing"
			}
			result := pull(t, context.Background(), "registry:"+server.name(tag), "linux/amd64", nil)
			wantWords(t, WantCode(t, result.err, row.want), row.words...)
			result.wantNoLayersBut(t, image, image.Layers[1:])
		})
	}
}

// wantNoLayersBut is wantNoLayers for a pull whose other layers may have finished before it failed.
func (o outcome) wantNoLayersBut(t *testing.T, image Image, spared []v1.Descriptor) {
	t.Helper()
	image.Layers = image.Layers[:len(image.Layers)-len(spared)]
	o.wantNoLayers(t, image)
}

func TestSchema1ByItsMediaType(t *testing.T) {
	server := newHost(t, answerFor("/manifests/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", string(types.DockerManifestSchema1Signed))
		fmt.Fprint(w, `{"schemaVersion":2}`)
	}))
	result := pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", nil)
	WantCode(t, result.err, fault.ImageUnsupported)
}

func TestAnUnreachableRegistry(t *testing.T) {
	newHost(t, nil) // for its environment
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Must(t, err)
	address := listener.Addr().String()
	Must(t, listener.Close())
	result := pull(t, context.Background(), "registry:"+address+"/a:b", "linux/amd64", nil)
	wantWords(t, WantCode(t, result.err, fault.RegistryUnreachable), "pull "+address+"/a:b: talk to "+address, "connection refused")
}

func TestABadReference(t *testing.T) {
	for _, reference := range []string{"registry:UPPER CASE", "registry:a@sha256:short", "registry:", "ftp:x", "plain"} {
		if result := pull(t, context.Background(), reference, "linux/amd64", nil); result.err == nil {
			t.Errorf("%s was accepted", reference)
		}
	}
}

func TestWrongManifests(t *testing.T) {
	image, other := testImage(t), NewImage(t, nil, GzipLayer(t, File("other", "o")))
	var asked string
	server := newHost(t, answerFor("/manifests/sha256:", func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
		w.Write(other.Blobs[other.Manifest.Digest])
	}))
	server.push(t, image, "latest")
	server.pushManifest(t, "index", types.OCIImageIndex, indexOf(t, map[string]v1.Descriptor{"linux/amd64": image.Manifest}))
	for _, tag := range []string{"@" + image.Manifest.Digest.String(), ":index"} {
		result := pull(t, context.Background(), "registry:"+server.name(tag), "linux/amd64", nil)
		WantCode(t, result.err, fault.ImageDigestMismatch)
		if !strings.HasSuffix(asked, image.Manifest.Digest.String()) {
			t.Errorf("%s was asked for", asked)
		}
	}
}

// layerImage has one layer, which a test serves in its own way.
func layerImage(t *testing.T) (image Image, layer []byte) {
	t.Helper()
	image = NewImage(t, nil, PlainLayer(t, File("a", strings.Repeat("abc", 100_000))))
	return image, image.Blobs[image.Layers[0].Digest]
}

// cut promises more than it sends.
func cut(w http.ResponseWriter, content []byte, stated int) {
	w.Header().Set("Content-Length", strconv.Itoa(stated))
	w.Write(content)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func TestTransfersThatFailLeaveNoLayer(t *testing.T) {
	image, layer := layerImage(t)
	flipped := append([]byte{}, layer...)
	flipped[len(flipped)/2] ^= 1
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		want   fault.Code
	}{
		"other content":           {func(w http.ResponseWriter, _ *http.Request) { w.Write(flipped) }, fault.ImageDigestMismatch},
		"an announced short blob": {func(w http.ResponseWriter, _ *http.Request) { w.Write(layer[:1000]) }, fault.ImageDigestMismatch},
		"a longer blob": {func(w http.ResponseWriter, _ *http.Request) { w.Write(append(layer[:len(layer):len(layer)], 0)) },
			fault.ImageDigestMismatch},
		"an endless blob of unknown length": {func(w http.ResponseWriter, _ *http.Request) {
			for w.(http.Flusher).Flush(); ; {
				if _, err := w.Write(flipped); err != nil {
					return
				}
			}
		}, fault.ImageDigestMismatch},
		"a connection that always breaks at once": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.RegistryUnreachable},
		"a connection that always breaks at the same byte": {func(w http.ResponseWriter, _ *http.Request) {
			cut(w, layer[:1000], len(layer))
		}, fault.RegistryUnreachable},
		"a transfer that stalls": {func(w http.ResponseWriter, r *http.Request) {
			w.Write(layer[:1000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, fault.RegistryUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			server := newHost(t, answerFor(image.Layers[0].Digest.String(), row.answer))
			server.push(t, image, "latest")
			result := pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", nil)
			WantCode(t, result.err, row.want)
			result.wantNoLayers(t, image)
		})
	}
}

func TestBrokenTransfersAreTakenUpAgain(t *testing.T) {
	image, layer := layerImage(t)
	var tries atomic.Int32
	for name, answer := range map[string]http.HandlerFunc{
		"by a server that continues": func(w http.ResponseWriter, r *http.Request) {
			begin := 0
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &begin)
			if begin > 0 {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", begin, len(layer)-1, len(layer)))
				w.Header().Set("Content-Length", strconv.Itoa(len(layer)-begin))
				w.WriteHeader(http.StatusPartialContent)
			}
			if end := begin + 50_000; end < len(layer) {
				cut(w, layer[begin:end], len(layer)-begin)
			}
			w.Write(layer[begin:])
		},
		"by a server that starts over": func(w http.ResponseWriter, _ *http.Request) {
			if end := int(tries.Add(1)) * 100_000; end < len(layer) {
				cut(w, layer[:end], len(layer))
			}
			w.Write(layer)
		},
		"by a server that recovers": func(w http.ResponseWriter, _ *http.Request) {
			if tries.Add(1) < 3 {
				http.Error(w, "later", http.StatusServiceUnavailable)
				return
			}
			w.Write(layer)
		},
	} {
		t.Run(name, func(t *testing.T) {
			tries.Store(0)
			server := newHost(t, answerFor(image.Layers[0].Digest.String(), answer))
			server.push(t, image, "latest")
			pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", nil).wantBlobs(t, image)
		})
	}
}

func TestAnInterruptedPullLeavesNoLayer(t *testing.T) {
	image, layer := layerImage(t)
	ctx, cancel := context.WithCancel(context.Background())
	server := newHost(t, answerFor(image.Layers[0].Digest.String(), func(w http.ResponseWriter, r *http.Request) {
		w.Write(layer[:1000])
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	}))
	server.push(t, image, "latest")
	started := time.Now()
	result := pull(t, ctx, "registry:"+server.name(""), "linux/amd64", func(options *source.Options) {
		options.Registry.StallTimeout = time.Minute
	})
	if !errors.Is(result.err, context.Canceled) {
		t.Errorf("got %v", result.err)
	}
	if waited := time.Since(started); waited > 5*time.Second {
		t.Errorf("it took %s to stop", waited)
	}
	result.wantNoLayers(t, image)
}
