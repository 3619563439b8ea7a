// Package httpapi is the agent's HTTP server: PROTOCOL.md §3.
package httpapi

import (
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/files"
	"bandsox.dev/agent/internal/kmsg"
	"bandsox.dev/agent/internal/machine"
	"bandsox.dev/agent/internal/reap"
	"bandsox.dev/agent/internal/run"
	"bandsox.dev/agent/internal/session"
	"bandsox.dev/agent/internal/transfer"
	"bandsox.dev/agent/internal/watch"
)

const (
	protocolVersion = 1
	// Commands that run at the same time.
	execLimit = 256
	// Header bytes of one request.
	headerLimit = 64 << 10
)

// About is what the agent says of itself; times are milliseconds since the kernel started.
type About struct {
	Version string
	Kernel  string
	StartMs int64
	// KernelLog is nil if the kernel's log cannot be read.
	KernelLog KernelLog
}

// Machine is what the API serves.
type Machine interface {
	// Defaults is what commands inherit; ok is false until Enter has succeeded.
	Defaults() (defaults exec.Defaults, ok bool)
	// Enter gives the machine its disks and identity and returns how long that took.
	Enter(spec machine.Spec) (time.Duration, error)
	// Refresh tells a machine that stood still what has changed.
	Refresh(identity machine.Identity) error
	// Settle finishes what would go on in the background.
	Settle() error
}

// API serves one machine.
type API struct {
	about     About
	machine   Machine
	reaper    *reap.Reaper
	powerOff  func(grace time.Duration)
	readyMs   atomic.Int64
	execs     chan struct{} // a token per running command
	runs      *run.Registry
	sessions  *session.Registry
	forwards  chan struct{} // a token per forwarded connection
	log       KernelLog
	transfers chan struct{} // a token per file or tree on its way
	uploads   *files.Uploads
	archives  *transfer.Registry
	watches   *watch.Watches
	server    *http.Server
}

// New makes the API; powerOff is called once its answer has been sent.
func New(about About, m Machine, reaper *reap.Reaper, powerOff func(grace time.Duration)) *API {
	a := &API{about: about, machine: m, reaper: reaper, powerOff: powerOff, execs: make(chan struct{}, execLimit),
		runs: run.NewRegistry(reaper, run.Grace), sessions: session.NewRegistry(reaper), forwards: make(chan struct{}, tcpLimit), log: about.KernelLog,
		transfers: make(chan struct{}, transferLimit), uploads: files.NewUploads(), archives: transfer.NewRegistry(transfer.Keep, transfer.Limit), watches: watch.New(),
	}
	if a.log == nil {
		a.log = kmsg.New()
	}
	a.server = &http.Server{
		Handler:        a.handler(),
		MaxHeaderBytes: headerLimit,
		Protocols:      new(http.Protocols),
	}
	a.server.Protocols.SetHTTP1(true)
	a.server.Protocols.SetUnencryptedHTTP2(true)
	return a
}

// Ready records the moment from which the host can connect.
func (a *API) Ready(uptimeMs int64) { a.readyMs.CompareAndSwap(0, uptimeMs) }

// Serve answers connections until the listener fails; it may be called again with the next listener.
func (a *API) Serve(listener net.Listener) error { return a.server.Serve(listener) }
