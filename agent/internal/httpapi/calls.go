package httpapi

import (
	"errors"
	"net/http"
	"time"

	"bandsox.dev/agent/internal/machine"
)

func (a *API) hello(w http.ResponseWriter, _ *http.Request) {
	state := "bare"
	if _, ready := a.machine.Defaults(); ready {
		state = "ready"
	}
	capabilities := []string{"machine", "exec", "exec-resume", "stdin", "sessions", "terminals", "power-off", "files", "trees", "watch", "tcp", "stats", "identity", "clock", "settle", "ping"}
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
	// What the kernel has said at its start is much to read, and waits until the host has its answer.
	http.NewResponseController(w).Flush()
	a.log.Follow()
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

func (a *API) refreshIdentity(w http.ResponseWriter, r *http.Request) {
	var identity machine.Identity
	if !readJSON(w, r, &identity) {
		return
	}
	if err := identity.Validate(); err != nil {
		writeError(w, http.StatusBadRequest, "bad_request", err.Error())
		return
	}
	if err := a.machine.Refresh(identity); err != nil {
		writeError(w, http.StatusInternalServerError, "machine_failed", err.Error())
		return
	}
	if identity.Clone != nil {
		a.runs.EndAll()
		a.archives.EndAll()
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

func (a *API) settle(w http.ResponseWriter, _ *http.Request) {
	if err := a.machine.Settle(); err != nil {
		writeError(w, http.StatusInternalServerError, "machine_failed", err.Error())
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

func (a *API) shiftClock(w http.ResponseWriter, r *http.Request) {
	var request struct {
		ShiftMs int64 `json:"shiftMs"`
	}
	if !readJSON(w, r, &request) {
		return
	}
	now, err := machine.ShiftClock(time.Duration(request.ShiftMs) * time.Millisecond)
	if err != nil {
		writeError(w, http.StatusInternalServerError, "machine_failed", err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]int64{"epochMs": now.UnixMilli()})
}

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
