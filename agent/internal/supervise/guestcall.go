package supervise

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"bandsox.dev/agent/internal/channel"
)

const (
	// guestAnswerLimit bounds one answer of the guest's, in bytes.
	guestAnswerLimit = 64 << 10
	// vitalsPatience is how long a guest may take to say how it is doing.
	vitalsPatience = 5 * time.Second
	// graceMs is what the guest's processes get between SIGTERM and SIGKILL when a limit ends the VM.
	graceMs = 2_000
	// powerOffPatience is what the guest gets on top of that to sync, unmount and power off.
	powerOffPatience = 10 * time.Second
	// vitalsProcesses is how many of the guest's processes are kept, those with the most memory.
	vitalsProcesses = 10
)

// guestClient calls the guest's agent as any other client does, through the socket that does not count as activity
// where there is one.
func guestClient(config Config) *http.Client {
	path := config.ObserverSocket
	if path == "" {
		path = config.AgentSocket
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err != nil {
			return nil, err
		}
		if deadline, ok := ctx.Deadline(); ok {
			conn.SetDeadline(deadline)
		}
		if err := greet(conn); err != nil {
			conn.Close()
			return nil, err
		}
		return conn, nil
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

// greet asks for the agent's port, and reads the answer to its last byte and no further.
func greet(conn net.Conn) error {
	if _, err := fmt.Fprintf(conn, "CONNECT %d\n", channel.AgentPort); err != nil {
		return err
	}
	line, err := bufio.NewReaderSize(io.LimitReader(&oneByOne{conn}, handshakeLimit), 1).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "OK ") {
		return errors.New(strings.TrimSpace(line))
	}
	return nil
}

// oneByOne reads a byte at a time, so that nobody takes more than was asked for.
type oneByOne struct{ from io.Reader }

func (o *oneByOne) Read(p []byte) (int, error) {
	if len(p) > 1 {
		p = p[:1]
	}
	return o.from.Read(p)
}

func callGuest(config Config, method, path string, body any, patience time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	sent, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, bytes.NewReader(sent))
	if err != nil {
		return nil, err
	}
	if body == nil {
		request.Body, request.ContentLength = http.NoBody, 0
	}
	answer, err := guestClient(config).Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, guestAnswerLimit+1))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 300 || len(content) > guestAnswerLimit {
		return nil, fmt.Errorf("%s %s: status %d, %d bytes", method, path, answer.StatusCode, len(content))
	}
	return content, nil
}

// vitals is how the guest was doing, as it says itself.
type vitals struct {
	At        time.Time       `json:"at"`
	Stats     json.RawMessage `json:"stats"`
	Processes json.RawMessage `json:"processes"`
	OOM       json.RawMessage `json:"oom"`
}

// keepVitals asks the guest how it is doing and keeps the answer. A guest that gives none has those it had.
func keepVitals(config Config) {
	kept := vitals{At: time.Now().UTC()}
	for path, into := range map[string]*json.RawMessage{
		"/v1/stats": &kept.Stats, fmt.Sprintf("/v1/processes?limit=%d", vitalsProcesses): &kept.Processes, "/v1/oom": &kept.OOM,
	} {
		content, err := callGuest(config, http.MethodGet, path, nil, vitalsPatience)
		if err != nil || !json.Valid(content) {
			return
		}
		*into = content
	}
	replaceFile(config.VitalsFile, kept)
}

// endGently ends a VM whose time is over: the guest is asked to power off, and made to if it does not.
func endGently(config Config, process *vmm, stop <-chan os.Signal) error {
	asked := map[string]int{"graceMs": graceMs}
	if _, err := callGuest(config, http.MethodPost, "/v1/power-off", asked, powerOffPatience); err != nil {
		return process.end()
	}
	select {
	case err := <-process.exited:
		return err
	case <-time.After(graceMs*time.Millisecond + powerOffPatience):
	case <-stop:
	}
	return process.end()
}
