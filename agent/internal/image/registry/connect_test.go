package registry

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
)

func TestPlainHttpIsForLoopbackAndNamedHosts(t *testing.T) {
	hosts := plaintextHosts{"registry.lan:5000", "10.1.2.3"}
	for authority, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "a.localhost:80": true, "127.0.0.1:5000": true, "127.9.9.9": true,
		"[::1]:5000": true, "::1": true, "registry.lan:5000": true, "10.1.2.3": true, "10.1.2.3:5000": true,
		"registry.lan": false, "registry.lan:5001": false, "10.1.2.4:5000": false, "192.168.0.1": false,
		"localhost.example.com": false, "docker.io": false,
	} {
		if got := hosts.allows(authority); got != want {
			t.Errorf("%s: got %v", authority, got)
		}
	}
}

func TestAPrivateAddressIsNotSpokenToInPlaintextUnasked(t *testing.T) {
	sent := []string{}
	next := roundTripper(func(r *http.Request) (*http.Response, error) {
		sent = append(sent, r.URL.Scheme)
		return nil, errors.New("refused")
	})
	guard := newPlaintextGuard(next, nil)
	for _, scheme := range []string{"http", "https"} {
		request := httptest.NewRequest(http.MethodGet, scheme+"://10.0.0.1/v2/", nil)
		if _, err := guard.RoundTrip(request); scheme == "http" && !strings.Contains(err.Error(), "--insecure 10.0.0.1") {
			t.Errorf("got %v", err)
		}
	}
	if fmt.Sprint(sent) != "[https]" {
		t.Errorf("%v was sent", sent)
	}
}

// The library asks in plain http as soon as TLS takes longer than a moment.
func TestNothingIsSentInPlaintextWhileTLSIsTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent, plain := []string{}, make(chan error)
		var guard *plaintextGuard
		guard = newPlaintextGuard(roundTripper(func(r *http.Request) (*http.Response, error) {
			sent = append(sent, r.URL.Scheme)
			if r.URL.Scheme == "https" {
				go func() {
					_, err := guard.RoundTrip(httptest.NewRequest(http.MethodGet, "http://127.0.0.1:5000/v2/", nil))
					plain <- err
				}()
				synctest.Wait() // the other request has got as far as it can
			}
			return nil, &tls.CertificateVerificationError{Err: errors.New("not trusted")}
		}), nil)
		_, err := guard.RoundTrip(httptest.NewRequest(http.MethodGet, "https://127.0.0.1:5000/v2/", nil))
		for _, err := range []error{err, <-plain} {
			if err == nil || !strings.Contains(err.Error(), "not trusted") {
				t.Errorf("got %v", err)
			}
		}
		if fmt.Sprint(sent) != "[https]" {
			t.Errorf("%v was sent", sent)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRedirectsIntoOurNetworkAreRefused(t *testing.T) {
	for _, row := range []struct {
		from, to string
		allowed  bool
	}{
		{"https://registry.example.com/v2/", "https://cdn.example.com/blob", true},
		{"https://registry.example.com/v2/", "https://169.254.169.254/latest/meta-data", false},
		{"https://registry.example.com/v2/", "http://127.0.0.1:2375/", false},
		{"https://registry.example.com/v2/", "https://[fd00::1]/", false},
		{"http://127.0.0.1:5000/v2/", "http://127.0.0.1:9000/blob", true},
		{"http://10.0.0.1/v2/", "http://10.0.0.2/blob", true},
	} {
		from := httptest.NewRequest(http.MethodGet, row.from, nil)
		to := httptest.NewRequest(http.MethodGet, row.to, nil)
		if err := checkRedirect(to, []*http.Request{from}); (err == nil) != row.allowed {
			t.Errorf("%s to %s: %v", row.from, row.to, err)
		}
	}
}

func TestSignaturesInAddressesAreNotTold(t *testing.T) {
	err := &url.Error{Op: "Get", URL: "https://user:pass@storage.example.com/blob?X-Signature=secret", Err: errors.New("refused")}
	if got := withoutQuery(err).Error(); got != "GET https://storage.example.com/blob: refused" {
		t.Errorf("got %s", got)
	}
}

func TestReferenceIsComplete(t *testing.T) {
	for given, want := range map[string]string{
		"python:3-alpine":    "docker.io/library/python:3-alpine",
		"localhost:5000/x":   "localhost:5000/x:latest",
		"ghcr.io/a/b:c":      "ghcr.io/a/b:c",
		"127.0.0.2:5000/x:y": "127.0.0.2:5000/x:y",
	} {
		image, err := Parse(given, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := image.Reference(); got != want {
			t.Errorf("%s is %s, want %s", given, got, want)
		}
	}
}
