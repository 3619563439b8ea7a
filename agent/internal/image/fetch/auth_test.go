package fetch_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
)

// tokenAuth makes a registry demand a bearer token, given at /token to alice or, if open, to anyone.
func tokenAuth(open bool, issued *atomic.Int32) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				user, password, _ := r.BasicAuth()
				if !open && (user != "alice" || password != "secret") {
					http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}`, http.StatusUnauthorized)
					return
				}
				issued.Add(1)
				fmt.Fprintf(w, `{"token":"valid for %s"}`, r.URL.Query().Get("scope"))
				return
			}
			if r.Header.Get("Authorization") != "Bearer valid for repository:"+repository+":pull" {
				w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="test"`, r.Host))
				http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// logIn writes credentials where Docker would.
func logIn(t *testing.T, server *host, password string) {
	t.Helper()
	registry := strings.TrimPrefix(server.URL, "http://")
	auth := base64.StdEncoding.EncodeToString([]byte("alice:" + password))
	content := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, registry, auth)
	Must(t, os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), []byte(content), 0o600))
}

func TestTokenAuthentication(t *testing.T) {
	image := testImage(t)
	for name, row := range map[string]struct {
		open     bool
		password string
		asked    string // how the message says we asked; "" when the pull succeeds
	}{
		"anonymous token":            {open: true},
		"credentials":                {password: "secret"},
		"wrong credentials":          {password: "wrong", asked: "with the credentials in %s/config.json"},
		"no credential file at all":  {asked: "anonymously (there is no credential file)"},
		"credentials for another":    {password: "other host", asked: "anonymously (%s/config.json has no entry for "},
		"anonymous with credentials": {open: true, password: "secret"},
	} {
		t.Run(name, func(t *testing.T) {
			var issued atomic.Int32
			server := newHost(t, tokenAuth(row.open, &issued))
			server.push(t, image, "latest")
			switch row.password {
			case "":
			case "other host":
				logIn(t, &host{Server: newHost(t, nil).Server}, "secret")
			default:
				logIn(t, server, row.password)
			}
			result := pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", nil)
			if row.asked == "" {
				result.wantBlobs(t, image)
				if issued.Load() != 1 {
					t.Errorf("%d tokens were asked for, want one", issued.Load())
				}
				return
			}
			failure := WantCode(t, result.err, fault.RegistryUnauthorized)
			asked := strings.ReplaceAll(row.asked, "%s", os.Getenv("DOCKER_CONFIG"))
			wantWords(t, failure, server.name(""), "registry 127.0.0.1:", "repository:some/app:pull", "401", asked)
			if strings.Contains(failure.Message, "wrong\"") || strings.Contains(failure.Message, "secret") {
				t.Errorf("the message tells the password: %s", failure.Message)
			}
		})
	}
}

func TestBasicAuthentication(t *testing.T) {
	server := newHost(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "alice" || password != "secret" {
				w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	image := testImage(t)
	server.push(t, image, "latest")
	WantCode(t, pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", nil).err, fault.RegistryUnauthorized)
	logIn(t, server, "secret")
	pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", nil).wantBlobs(t, image)
}

func TestCredentialsStayWithTheRegistryWhenItRedirects(t *testing.T) {
	image := testImage(t)
	storage := newHost(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				t.Errorf("%s got %q", r.URL, r.Header.Get("Authorization"))
			}
			next.ServeHTTP(w, r)
		})
	})
	storage.push(t, image, "latest")
	var issued atomic.Int32
	server := newHost(t, func(next http.Handler) http.Handler {
		return tokenAuth(true, &issued)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/blobs/") {
				http.Redirect(w, r, storage.URL+r.URL.Path+"?signature=secret", http.StatusTemporaryRedirect)
				return
			}
			next.ServeHTTP(w, r)
		}))
	})
	server.push(t, image, "latest")
	pull(t, context.Background(), "registry:"+server.name(""), "linux/amd64", nil).wantBlobs(t, image)
}

// wantWords checks that a message says all of something.
func wantWords(t *testing.T, failure *fault.Error, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(failure.Message, word) {
			t.Errorf("the message lacks %q: %s", word, failure.Message)
		}
	}
}
