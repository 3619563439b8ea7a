package registry

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxRateLimitTries = 5
	maxRateLimitWait  = 60 * time.Second
	maxDrainedBytes   = 64 << 10
)

// patience waits as long as a registry that limits our rate asks for, within
// bounds; beyond them its answer is passed on.
type patience struct {
	next http.RoundTripper
	// first is the wait when the registry names none; it doubles with each try
	first  time.Duration
	onWait func(host string, wait time.Duration)
	now    func() time.Time
}

func (p patience) RoundTrip(request *http.Request) (*http.Response, error) {
	wait := p.first
	for try := 1; ; try++ {
		response, err := p.next.RoundTrip(request)
		if err != nil || !limitsRate(response) || try > maxRateLimitTries {
			return response, err
		}
		if asked, ok := retryAfter(response.Header.Get("Retry-After"), p.now()); ok {
			wait = asked
		}
		next, again := repeat(request)
		if wait > maxRateLimitWait || !again {
			return response, nil
		}
		io.CopyN(io.Discard, response.Body, maxDrainedBytes) // what cannot be drained costs a new connection only
		response.Body.Close()
		p.onWait(request.URL.Host, wait)
		select {
		case <-time.After(wait):
		case <-request.Context().Done():
			return nil, request.Context().Err()
		}
		request, wait = next, wait*2
	}
}

func limitsRate(response *http.Response) bool {
	return response.StatusCode == http.StatusTooManyRequests ||
		response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != ""
}

// repeat is the same request once more, if its body can be had again.
func repeat(request *http.Request) (*http.Request, bool) {
	again := request.Clone(request.Context())
	if request.Body == nil || request.Body == http.NoBody {
		return again, true
	}
	if request.GetBody == nil {
		return nil, false
	}
	body, err := request.GetBody()
	again.Body = body
	return again, err == nil
}

// retryAfter reads seconds or a date.
func retryAfter(text string, now time.Time) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(date.Sub(now), 0), true
	}
	return 0, false
}
