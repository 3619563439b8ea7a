package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"bandsox.dev/agent/internal/image/fault"
)

const (
	userAgent    = "bandsox-image"
	maxRedirects = 10
)

var retriedStatuses = []int{
	http.StatusRequestTimeout, http.StatusInternalServerError,
	http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// connect finds credentials and signs in, which also proves the registry reachable.
func (i *Image) connect(ctx context.Context) error {
	repository := i.ref.Context()
	auth, err := authn.Resolve(ctx, i.options.Keychain, repository)
	if err != nil {
		return fault.New(fault.RegistryUnauthorized, "pull %s: read credentials for %s from %s: %w",
			i.given, repository.RegistryStr(), orDefault(credentialFile(), "the keychain"), err).
			With("registry", repository.RegistryStr())
	}
	i.credentials = i.describeCredentials(auth)
	base, err := i.transport()
	if err != nil {
		return err
	}
	scopes := []string{repository.Scope(transport.PullScope)}
	signed, err := transport.NewWithContext(ctx, repository.Registry, auth, base, scopes)
	if err != nil {
		return i.explain(err)
	}
	i.client = &http.Client{Transport: signed, CheckRedirect: checkRedirect}
	return nil
}

func (i *Image) transport() (http.RoundTripper, error) {
	base := remote.DefaultTransport.(*http.Transport).Clone()
	base.DisableCompression = true // a layer served with Content-Encoding must arrive as it was hashed
	base.ResponseHeaderTimeout = i.options.StallTimeout
	trusted, err := trust(i.registry(), i.setting, i.options.CertDirs)
	if err != nil {
		return nil, err
	}
	if trusted != nil {
		base.TLSClientConfig = trusted
	}
	patient := patience{
		next:  newPlaintextGuard(base, i.plaintext),
		first: i.options.Backoff.Duration, onWait: i.options.OnWait, now: time.Now,
	}
	retrying := transport.NewRetry(patient,
		transport.WithRetryBackoff(i.options.Backoff),
		transport.WithRetryPredicate(isTransient),
		transport.WithRetryStatusCodes(retriedStatuses...))
	return transport.NewUserAgent(retrying, userAgent), nil
}

// isTransient reports whether the same request may succeed when sent again.
func isTransient(err error) bool {
	var temporary interface{ Temporary() bool }
	if errors.As(err, &temporary) && temporary.Temporary() {
		return true
	}
	for _, known := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.EPIPE, syscall.ECONNRESET, net.ErrClosed, errStalled} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// plaintextHosts are the `host` or `host:port` that may be spoken to without TLS.
type plaintextHosts []string

func (hosts plaintextHosts) allows(authority string) bool {
	host := authority
	if name, _, err := net.SplitHostPort(authority); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	if address, err := netip.ParseAddr(host); err == nil && address.IsLoopback() {
		return true
	}
	return slices.Contains(hosts, authority) || slices.Contains(hosts, host)
}

// plaintextGuard refuses to send anything over plain HTTP to other hosts, and to
// hosts that speak TLS with a certificate we do not trust: the library would
// fall back to plain HTTP for both. It does so while TLS is still being tried,
// if that takes long; we first hear what becomes of it.
type plaintextGuard struct {
	next  http.RoundTripper
	hosts plaintextHosts

	mu        sync.Mutex
	untrusted map[string]error
	tried     map[string]chan struct{} // closed when the first attempt at TLS has ended
}

func newPlaintextGuard(next http.RoundTripper, hosts plaintextHosts) *plaintextGuard {
	return &plaintextGuard{next: next, hosts: hosts, untrusted: map[string]error{}, tried: map[string]chan struct{}{}}
}

func (g *plaintextGuard) RoundTrip(request *http.Request) (*http.Response, error) {
	host := request.URL.Host
	if request.URL.Scheme == "https" {
		return g.tryTLS(request)
	}
	if !g.hosts.allows(host) {
		return nil, fmt.Errorf("plain http to %s is not allowed (--insecure %s allows it)", host, host)
	}
	if err := g.distrust(request.Context(), host); err != nil {
		return nil, err
	}
	return g.next.RoundTrip(request)
}

func (g *plaintextGuard) tryTLS(request *http.Request) (*http.Response, error) {
	host := request.URL.Host
	defer g.begin(host)()
	response, err := g.next.RoundTrip(request)
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.untrusted[host] = err
	}
	return response, err
}

// begin notes an attempt at TLS, and returns what ends it.
func (g *plaintextGuard) begin(host string) (end func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, again := g.tried[host]; again {
		return func() {}
	}
	ended := make(chan struct{})
	g.tried[host] = ended
	return func() { close(ended) }
}

// distrust is why a host's certificate is not trusted, nil if it is or the host has none.
func (g *plaintextGuard) distrust(ctx context.Context, host string) error {
	g.mu.Lock()
	ended := g.tried[host]
	g.mu.Unlock()
	if ended != nil {
		select {
		case <-ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.untrusted[host]
}

// checkRedirect keeps a public registry from pointing us at addresses of our own network.
func checkRedirect(request *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return fmt.Errorf("stopped after %d redirects", maxRedirects)
	}
	from := via[0].URL
	if from.Hostname() != request.URL.Hostname() && isPrivate(request.URL) && !isPrivate(from) {
		return fmt.Errorf("redirect from %s to the private address %s is not allowed", from.Host, request.URL.Host)
	}
	return nil
}

func isPrivate(address *url.URL) bool {
	ip, err := netip.ParseAddr(address.Hostname())
	return err == nil && (ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified())
}
