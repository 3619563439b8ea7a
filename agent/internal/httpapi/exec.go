package httpapi

import (
	"context"
	"errors"
	"net/http"

	"bandsox.dev/agent/internal/exec"
)

var execRoutes = []route{
	{"POST /v1/exec", "", inMachine((*API).exec)},
}

func (a *API) exec(w http.ResponseWriter, r *http.Request) {
	var command exec.Command
	if !readJSON(w, r, &command) {
		return
	}
	isDuplex := asksForFrames(r)
	if !isDuplex && (command.Stdin || command.Terminal != nil) {
		writeError(w, http.StatusBadRequest, "bad_request", "stdin and terminal need Upgrade: "+framesUpgrade+" over HTTP/1.1")
		return
	}
	select {
	case a.execs <- struct{}{}:
	default:
		writeError(w, http.StatusTooManyRequests, "exec_busy", "256 commands are running already")
		return
	}
	free := func() { <-a.execs }
	defaults, _ := a.machine.Defaults()
	if id := r.Header.Get(execIDHeader); id != "" {
		started, err := a.runs.Start(id, command, defaults, free)
		if err != nil {
			free()
			writeRunError(w, err)
			return
		}
		carryExec(w, r, started, isDuplex)
		return
	}
	defer free()
	process, err := exec.Start(command, defaults, a.reaper)
	if err != nil {
		writeExecError(w, err)
		return
	}
	if isDuplex {
		streamBothWays(w, process)
		return
	}
	w.Header().Set("Content-Type", framesType)
	w.WriteHeader(http.StatusOK)
	if err := streamTo(w, r, process); err != nil {
		// The body must not look complete: there is no exit frame in it.
		panic(http.ErrAbortHandler)
	}
}

// writeExecError says why a command was not started.
func writeExecError(w http.ResponseWriter, err error) {
	var refused *exec.NotStartedError
	if errors.As(err, &refused) {
		writeError(w, http.StatusUnprocessableEntity, "exec_not_started", refused.Reason)
		return
	}
	writeError(w, http.StatusInternalServerError, "exec_failed", err.Error())
}

// streamTo unblocks a write to a client that has gone, because the command has to be killed then.
func streamTo(w http.ResponseWriter, r *http.Request, process *exec.Process) error {
	client := http.NewResponseController(w)
	defer newCut(client.SetWriteDeadline).whenGone(r.Context())()
	client.Flush()
	return process.Stream(r.Context(), response{w, client})
}

// response is a Sink.
type response struct {
	http.ResponseWriter
	controller *http.ResponseController
}

func (r response) Flush() error { return r.controller.Flush() }

// streamBothWays runs the command for as long as its client stays.
func streamBothWays(w http.ResponseWriter, process *exec.Process) {
	client, err := openDuplex(w, process)
	if err != nil {
		process.Kill()
		process.Deliver(context.Background(), nowhere{})
		return
	}
	defer client.Leave()
	result, err := process.Deliver(client.Context(), client)
	if err == nil {
		client.TakeLast(exec.ExitFrame(result)) // a failure is the client's leaving
	}
}

// nowhere takes the output of a command whose client has gone before it could be told anything.
type nowhere struct{}

func (nowhere) Take([]byte) error { return nil }
