package httpapi

import (
	"net/http"

	"bandsox.dev/agent/internal/health"
	"bandsox.dev/agent/internal/kmsg"
)

const (
	processesDefault = 20
	kernelLogDefault = 64 << 10
)

var healthRoutes = []route{
	{"GET /v1/stats", "", (*API).stats},
	{"GET /v1/processes", "limit", (*API).processes},
	{"GET /v1/kernel-log", "bytes", (*API).kernelLog},
	{"GET /v1/oom", "", (*API).oom},
}

// KernelLog is what the kernel has said.
type KernelLog interface {
	// Follow begins to take in what the kernel says, if that has not begun yet.
	Follow()
	// Newest is at most n bytes of its end.
	Newest(n int) []byte
	// Kills is the newest processes killed for want of memory, the newest last.
	Kills() []kmsg.Kill
}

func (a *API) stats(w http.ResponseWriter, _ *http.Request) {
	measured, err := health.Measure()
	if err != nil {
		writeError(w, http.StatusInternalServerError, "stats_failed", err.Error())
		return
	}
	writeJSON(w, http.StatusOK, measured)
}

func (a *API) processes(w http.ResponseWriter, r *http.Request) {
	limit, ok := readCount(w, r, "limit", processesDefault, health.ProcessesLimit)
	if !ok {
		return
	}
	listed, err := health.Processes(int(limit))
	if err != nil {
		writeError(w, http.StatusInternalServerError, "stats_failed", err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"processes": listed})
}

func (a *API) kernelLog(w http.ResponseWriter, r *http.Request) {
	size, ok := readCount(w, r, "bytes", kernelLogDefault, kmsg.TextLimit)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write(a.log.Newest(int(size)))
}

func (a *API) oom(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"kills": a.log.Kills()})
}
