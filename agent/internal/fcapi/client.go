// Package fcapi asks things of a running Firecracker, through its API socket.
package fcapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// answerLimit bounds what is read of one answer, in bytes.
const answerLimit = 64 << 10

// Client talks to one Firecracker; its connection is kept.
type Client struct{ http http.Client }

// New uses the API socket at a path; nothing is connected before the first request.
func New(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", socket)
	}
	return &Client{http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConns: 1}}}
}

// Fault is a request Firecracker refused, with its own words.
type Fault struct {
	Method, Path string
	Status       int
	Message      string
}

func (f *Fault) Error() string {
	return fmt.Sprintf("Firecracker refused %s %s: %s", f.Method, f.Path, f.Message)
}

// Do sends a request and decodes the answer, if answer is not nil.
func (c *Client) Do(method, path string, body, answer any, limit time.Duration) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	var payload io.Reader
	if body != nil {
		payload = bytes.NewReader(encoded)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, payload)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("Firecracker did not answer %s %s: %w", method, path, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return fmt.Errorf("Firecracker's answer to %s %s broke off: %w", method, path, err)
	}
	if response.StatusCode >= 300 {
		return &Fault{method, path, response.StatusCode, faultMessage(content)}
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(content, answer)
}

func faultMessage(content []byte) string {
	var fault struct {
		Message string `json:"fault_message"`
	}
	if json.Unmarshal(content, &fault) == nil && fault.Message != "" {
		return fault.Message
	}
	return string(content[:min(len(content), 200)])
}

// Close lets go of the connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }
