package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"bandsox.dev/agent/internal/image/fault"
)

const maxQuotedBytes = 300

// explain gives an error of the network or the registry its code and a message.
func (i *Image) explain(err error) error {
	var known *fault.Error
	var answer *transport.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &answer):
		return i.explainAnswer(answer)
	}
	return fault.New(fault.RegistryUnreachable, "%s %s: talk to %s: %w%s",
		i.verb, i.given, i.registry(), withoutQuery(err), i.afterMirrors()).
		With("registry", i.registry())
}

func (i *Image) explainAnswer(answer *transport.Error) error {
	said := quote(answer)
	scope := i.ref.Context().Scope(i.scope())
	path := ""
	if answer.Request != nil {
		path = answer.Request.URL.Path
	}
	var failure *fault.Error
	switch status := answer.StatusCode; {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		failure = fault.New(fault.RegistryUnauthorized, "%s %s: registry %s refused %s with %d%s; we asked %s%s",
			i.verb, i.given, i.registry(), scope, status, said, i.credentials, i.afterMirrors()).
			With("scope", scope).With("credentials", i.credentials)
	case status == http.StatusTooManyRequests || hasCode(answer, transport.TooManyRequestsErrorCode):
		failure = fault.New(fault.RegistryRateLimited, "%s %s: registry %s limits how often we may ask: %d%s; we asked %s",
			i.verb, i.given, i.registry(), status, said, i.credentials)
	case status == http.StatusNotFound && strings.HasPrefix(path, "/v2/") && path != "/v2/":
		failure = fault.New(fault.ImageNotFound, "%s %s: the registry answered %d%s%s",
			i.verb, i.given, status, said, i.afterMirrors())
	default:
		failure = fault.New(fault.RegistryUnreachable, "%s %s: registry %s answered %s with %d%s",
			i.verb, i.given, i.registry(), path, status, said)
	}
	return failure.With("registry", i.registry()).With("status", answer.StatusCode)
}

// scope is what we asked the registry for.
func (i *Image) scope() string {
	if i.verb == "push" {
		return transport.PushScope
	}
	return transport.PullScope
}

// afterMirrors names the mirrors that were asked in vain before.
func (i *Image) afterMirrors() string {
	if len(i.alsoTried) == 0 {
		return ""
	}
	return " (after " + strings.Join(i.alsoTried, ", ") + ")"
}

func (i *Image) registry() string { return i.ref.Context().RegistryStr() }

func hasCode(answer *transport.Error, code transport.ErrorCode) bool {
	for _, diagnostic := range answer.Errors {
		if diagnostic.Code == code {
			return true
		}
	}
	return false
}

// quote is what the registry said, in brackets with a space before, or nothing.
func quote(answer *transport.Error) string {
	if len(answer.Errors) == 0 {
		return ""
	}
	first := answer.Errors[0]
	text := first.Message
	if text == "" {
		text = string(first.Code)
	}
	if len(text) > maxQuotedBytes {
		text = text[:maxQuotedBytes] + "…"
	}
	return fmt.Sprintf(" (%s)", strings.ToValidUTF8(text, "?"))
}

// withoutQuery drops what may be secret in an address: signed storage links carry their signature in the query.
func withoutQuery(err error) error {
	var request *url.Error
	if !errors.As(err, &request) {
		return err
	}
	address, parseErr := url.Parse(request.URL)
	if parseErr != nil {
		return request.Err
	}
	address.RawQuery, address.User = "", nil
	return fmt.Errorf("%s %s: %w", strings.ToUpper(request.Op), address, request.Err)
}
