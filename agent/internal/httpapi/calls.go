package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/machine"
)

func (a *API) hello(w http.ResponseWriter, _ *http.Request) {
	state := "bare"
	if _, ready := a.machine.Defaults(); ready {
		state = "ready"
	}
	capabilities := []string{"machine", "exec", "power-off", "files", "trees", "watch", "tcp", "stats"}
	if a.about.KernelLog != nil {
		capabilities = append(capabilities, "kernel-log")
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"protocol":     protocolVersion,
		"agentVersion": a.about.Version,
		"capabilities": capabilities,
		"machine":      state,
		"kernel":       a.about.Kernel,
		"agentStartMs": a.about.StartMs,
		"agentReadyMs": a.readyMs.Load(),
	})
}

func (a *API) enterMachine(w http.ResponseWriter, r *http.Request) {
	var spec machine.Spec
	if !readJSON(w, r, &spec) {
		return
	}
	if err := spec.Validate(); err != nil {
		writeError(w, http.StatusBadRequest, "bad_request", err.Error())
		return
	}
	took, err := a.machine.Enter(spec)
	if errors.Is(err, machine.ErrReady) {
		writeError(w, http.StatusConflict, "machine_ready", err.Error())
		return
	}
	if err != nil {
		writeError(w, http.StatusInternalServerError, "machine_failed", err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]int64{"mountedMs": took.Milliseconds()})
}

func (a *API) exec(w http.ResponseWriter, r *http.Request) {
	var command exec.Command
	if !readJSON(w, r, &command) {
		return
	}
	defaults, _ := a.machine.Defaults()
	select {
	case a.execs <- struct{}{}:
		defer func() { <-a.execs }()
	default:
		writeError(w, http.StatusTooManyRequests, "exec_busy", "256 commands are running already")
		return
	}
	process, err := exec.Start(command, defaults, a.reaper)
	var refused *exec.NotStartedError
	if errors.As(err, &refused) {
		writeError(w, http.StatusUnprocessableEntity, "exec_not_started", refused.Reason)
		return
	}
	if err != nil {
		writeError(w, http.StatusInternalServerError, "exec_failed", err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/vnd.bandsox.frames")
	w.WriteHeader(http.StatusOK)
	if err := streamTo(w, r, process); err != nil {
		// The body must not look complete: there is no exit frame in it.
		panic(http.ErrAbortHandler)
	}
}

// streamTo unblocks a write to a client that has gone, because the command has to be killed then.
func streamTo(w http.ResponseWriter, r *http.Request, process *exec.Process) error {
	client := http.NewResponseController(w)
	stop := context.AfterFunc(r.Context(), func() { client.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	client.Flush()
	return process.Stream(r.Context(), response{w, client})
}

// response is a Sink.
type response struct {
	http.ResponseWriter
	controller *http.ResponseController
}

func (r response) Flush() error { return r.controller.Flush() }

func (a *API) endMachine(w http.ResponseWriter, r *http.Request) {
	var request struct {
		GraceMs int64 `json:"graceMs"`
	}
	if !readJSON(w, r, &request) {
		return
	}
	if request.GraceMs < 0 {
		writeError(w, http.StatusBadRequest, "bad_request", "graceMs is negative")
		return
	}
	writeJSON(w, http.StatusAccepted, struct{}{})
	http.NewResponseController(w).Flush()
	go a.powerOff(time.Duration(request.GraceMs) * time.Millisecond)
}
