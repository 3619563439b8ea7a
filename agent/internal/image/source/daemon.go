package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"bandsox.dev/agent/internal/image/fault"
	"bandsox.dev/agent/internal/image/oci"
)

const maxDaemonMessage = 4 << 10

// daemonImage is an image in the store of a Docker or Podman daemon. The daemon
// exports it as a docker save archive, which is read from there.
type daemonImage struct {
	name    string
	options Options
	archive *archiveImage
}

func (i *daemonImage) Reference() string { return "docker-daemon:" + i.name }

func (i *daemonImage) Open(ctx context.Context, blob v1.Descriptor) (io.ReadCloser, error) {
	return i.archive.Open(ctx, blob)
}

// Resolve asks each daemon in turn and exports from the first that has the image.
func (i *daemonImage) Resolve(ctx context.Context, wanted v1.Platform) (oci.Document, v1.Hash, error) {
	sockets := i.options.DaemonSockets
	if len(sockets) == 0 {
		sockets = DaemonSockets(os.Getenv)
	}
	refusals, without := []string{}, []string{}
	for _, socket := range sockets {
		found, err := i.export(ctx, socket)
		var refusal *refusal
		switch {
		case errors.As(err, &refusal):
			refusals = append(refusals, fmt.Sprintf("%s (%s)", socket, refusal.why))
			continue
		case err != nil:
			return oci.Document{}, v1.Hash{}, err
		case !found:
			without = append(without, socket)
			continue
		}
		return i.archive.Resolve(ctx, wanted)
	}
	if len(without) > 0 {
		return oci.Document{}, v1.Hash{}, fault.New(fault.ImageNotFound, "export %s: the daemon at %s has no such image",
			i.name, strings.Join(without, " and ")).With("sockets", without)
	}
	return oci.Document{}, v1.Hash{}, fault.New(fault.DaemonUnreachable, "export %s: no Docker or Podman daemon answers: %s",
		i.name, strings.Join(refusals, ", ")).With("sockets", sockets)
}

// refusal says why a socket leads to no daemon.
type refusal struct{ why string }

func (r *refusal) Error() string { return r.why }

// export writes the archive of one daemon to the store's scratch space; false when it lacks the image.
func (i *daemonImage) export(ctx context.Context, socket string) (bool, error) {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	defer client.CloseIdleConnections()
	// A name's slashes are part of the daemon's route; the host is ignored on a socket.
	address := &url.URL{Scheme: "http", Host: "daemon", Path: "/images/" + i.name + "/get"}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return false, fault.New(fault.ImageInvalid, "export %s: %w", i.name, err)
	}
	response, err := client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		return false, &refusal{fault.Reason(rootCause(err)).Error()}
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return true, i.keep(ctx, socket, response.Body)
	case http.StatusNotFound:
		return false, nil
	}
	return false, &refusal{fmt.Sprintf("it answered %d%s", response.StatusCode, daemonMessage(response.Body))}
}

func (i *daemonImage) keep(ctx context.Context, socket string, body io.Reader) error {
	file, err := i.options.Store.CreateTemp()
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // the open file stays readable
	if err := copyBounded(ctx, file, body, i.options.MaxBytes); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Wrap(err, "export %s from %s", i.name, socket)
	}
	i.archive = &archiveImage{path: i.Reference(), options: i.options, content: file}
	return nil
}

func daemonMessage(body io.Reader) string {
	var said struct{ Message string }
	raw, err := io.ReadAll(io.LimitReader(body, maxDaemonMessage))
	if err != nil || json.Unmarshal(raw, &said) != nil || said.Message == "" {
		return ""
	}
	return ": " + strings.ToValidUTF8(said.Message, "?")
}

// rootCause strips what net/http and net wrap around a failed dial.
func rootCause(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	var dial *net.OpError
	if errors.As(err, &dial) {
		err = dial.Err
	}
	return err
}
