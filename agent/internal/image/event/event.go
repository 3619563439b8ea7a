// Package event is what the image helper prints: one JSON object a line.
//
// Every run ends with exactly one final line: `image` or `disk` on success,
// `error` otherwise. Readers ignore types they do not know.
package event

import (
	"encoding/json"
	"io"
	"sync"

	"bandsox.dev/agent/internal/image/fault"
)

// Blob states: `present` (already in the store, verified now), `started`, `progress`, `done`.
const (
	Present  = "present"
	Started  = "started"
	Progress = "progress"
	Done     = "done"
)

// Resolved says what a reference means at this moment.
type Resolved struct {
	Type      string `json:"type"`
	Reference string `json:"reference"`
	// Digest of what the reference names: an index where there is one, else the manifest
	Digest string `json:"digest"`
}

// Blob follows one blob into the store.
type Blob struct {
	Type          string `json:"type"`
	Digest        string `json:"digest"`
	SizeBytes     int64  `json:"sizeBytes"`
	State         string `json:"state"`
	ReceivedBytes int64  `json:"receivedBytes"`
}

// Image is the final line of a fetch.
type Image struct {
	Type string `json:"type"`
	// Digest of the manifest chosen for the platform
	Digest       string  `json:"digest"`
	ConfigDigest string  `json:"configDigest"`
	MediaType    string  `json:"mediaType"`
	Layers       []Layer `json:"layers"`
	Platform     string  `json:"platform"`
	Config       Config  `json:"config"`
	// Created is RFC 3339, empty when the image does not say
	Created string `json:"created"`
}

// Layer is one layer of a fetched image, lowest first.
type Layer struct {
	Digest    string `json:"digest"`
	SizeBytes int64  `json:"sizeBytes"`
	MediaType string `json:"mediaType"`
	// DiffID is the digest of the uncompressed layer, as the config claims it
	DiffID string `json:"diffId"`
}

// Config is how the image wants to be run. Lists are never null.
type Config struct {
	Env          []string          `json:"env"`
	WorkingDir   string            `json:"workingDir"`
	User         string            `json:"user"`
	Entrypoint   []string          `json:"entrypoint"`
	Cmd          []string          `json:"cmd"`
	Labels       map[string]string `json:"labels"`
	ExposedPorts []string          `json:"exposedPorts"`
	StopSignal   string            `json:"stopSignal"`
}

// Unpack follows one layer into the staging tree.
type Unpack struct {
	Type   string `json:"type"`
	Digest string `json:"digest"`
	// Index counts from 0
	Index int    `json:"index"`
	Of    int    `json:"of"`
	State string `json:"state"`
	// UnpackedBytes is the size of the regular files of this layer, so far
	UnpackedBytes int64 `json:"unpackedBytes"`
}

// Mkfs says that all layers are unpacked and the filesystem is being made.
type Mkfs struct {
	Type string `json:"type"`
}

// Disk is the final line of a build.
type Disk struct {
	Type           string `json:"type"`
	Path           string `json:"path"`
	ApparentBytes  int64  `json:"apparentBytes"`
	AllocatedBytes int64  `json:"allocatedBytes"`
	// Files counts every entry of the tree but the root directory
	Files int64 `json:"files"`
	// SkippedDevices counts device nodes left out because the helper lacks the right to make them
	SkippedDevices int64 `json:"skippedDevices"`
}

// Wait says that a registry limits our rate and how long it makes us wait.
type Wait struct {
	Type     string `json:"type"`
	Registry string `json:"registry"`
	WaitMs   int64  `json:"waitMs"`
}

// Failure is the final line of a run that did not succeed.
type Failure struct {
	Type    string         `json:"type"`
	Code    fault.Code     `json:"code"`
	Message string         `json:"message"`
	Details map[string]any `json:"details"`
}

// Writer prints events, one whole line at a time, from any goroutine.
type Writer struct {
	mu     sync.Mutex
	out    io.Writer
	onLost func()
}

// NewWriter prints to out and calls onLost, possibly more than once, when nobody reads any more.
func NewWriter(out io.Writer, onLost func()) *Writer {
	return &Writer{out: out, onLost: onLost}
}

// Emit prints one event.
func (w *Writer) Emit(event any) {
	line, err := json.Marshal(event)
	if err != nil {
		panic(err) // every event is a plain struct of this package
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.out.Write(append(line, '\n')); err != nil {
		w.onLost()
	}
}

// EmitFailure prints the final line of a run that did not succeed.
func (w *Writer) EmitFailure(err *fault.Error) {
	details := err.Details
	if details == nil {
		details = map[string]any{}
	}
	w.Emit(Failure{Type: "error", Code: err.Code, Message: err.Message, Details: details})
}
