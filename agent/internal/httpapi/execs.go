package httpapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"bandsox.dev/agent/internal/duplex"
	"bandsox.dev/agent/internal/run"
)

// Headers of an exec whose client may come back: its id, chosen by the client and said again by the agent, how many bytes
// of its stdin have come, and how many bytes of output the agent sends beyond those the client has said it has.
const (
	execIDHeader     = "X-Exec-Id"
	execStdinHeader  = "X-Exec-Stdin"
	execWindowHeader = "X-Exec-Window"
)

var execsRoutes = []route{
	{"GET /v1/execs/{id}", "from", inMachine((*API).resumeExec)},
	{"POST /v1/execs/{id}/received", "bytes", inMachine((*API).noteReceived)},
	{"DELETE /v1/execs/{id}", "", inMachine((*API).endExec)},
}

// carryExec is the first connection of a command that outlives it.
func carryExec(w http.ResponseWriter, r *http.Request, started *run.Run, isDuplex bool) {
	id, window := r.Header.Get(execIDHeader), strconv.FormatInt(started.Window(), 10)
	if isDuplex {
		conn, buffered, err := acceptFrames(w, execIDHeader+": "+id, execWindowHeader+": "+window)
		if err != nil {
			return // the client may come back
		}
		client := duplex.ServeInput(conn, buffered, started.Input())
		defer client.Leave()
		started.Meet(duplexCarrier{client})
		return
	}
	w.Header().Set("Content-Type", framesType)
	w.Header().Set(execIDHeader, id)
	w.Header().Set(execWindowHeader, window)
	w.WriteHeader(http.StatusOK)
	carrier := newBodyCarrier(w, r)
	defer carrier.finish()
	if err := started.Meet(carrier); err != nil {
		// The body must not look complete: the client may not have the exit frame.
		panic(http.ErrAbortHandler)
	}
}

func (a *API) resumeExec(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	from := q.number("from", 0, 0, math.MaxInt64)
	if q.refuse(w) {
		return
	}
	if !asksForFrames(r) {
		writeError(w, http.StatusBadRequest, "bad_request", "ask with HTTP/1.1 and Upgrade: "+framesUpgrade)
		return
	}
	found, err := a.runs.Get(r.PathValue("id"))
	if err == nil {
		found.Release() // first: what is being written on it may never be taken, and all else waits for that
		err = found.Have(from)
	}
	if err != nil {
		writeRunError(w, err)
		return
	}
	received := strconv.FormatUint(found.Input().Received(), 10)
	conn, buffered, err := acceptFrames(w, execStdinHeader+": "+received, fmt.Sprintf("%s: %d", execWindowHeader, found.Window()))
	if err != nil {
		return // the client may come back once more
	}
	client := duplex.ServeInput(conn, buffered, found.Input())
	defer client.Leave()
	found.Carry(duplexCarrier{client}, from)
}

func (a *API) noteReceived(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	bytes := q.number("bytes", 0, 0, math.MaxInt64)
	if q.refuse(w) {
		return
	}
	found, err := a.runs.Get(r.PathValue("id"))
	if err == nil {
		err = found.Have(bytes)
	}
	if err != nil {
		writeRunError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

func (a *API) endExec(w http.ResponseWriter, r *http.Request) {
	if err := a.runs.End(r.PathValue("id")); err != nil {
		writeRunError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

func writeRunError(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, run.ErrUnknown):
		writeError(w, http.StatusNotFound, "exec_not_found", err.Error())
	case errors.Is(err, run.ErrNeverStarted):
		writeError(w, http.StatusNotFound, "exec_never_started", err.Error())
	case errors.Is(err, run.ErrExists), errors.Is(err, run.ErrUnwanted):
		writeError(w, http.StatusConflict, "exec_exists", err.Error())
	case errors.Is(err, run.ErrInvalidID):
		writeError(w, http.StatusBadRequest, "bad_request", err.Error())
	case errors.Is(err, run.ErrAhead):
		writeError(w, http.StatusRequestedRangeNotSatisfiable, "offset_ahead", err.Error())
	default:
		writeExecError(w, err)
	}
}

// duplexCarrier is a connection that carries frames both ways.
type duplexCarrier struct{ *duplex.Client }

func (c duplexCarrier) Write(frames []byte, last bool) error {
	if last {
		return c.TakeLast(frames)
	}
	return c.Take(frames)
}

func (c duplexCarrier) Begin() { c.Client.Begin() }

func (c duplexCarrier) Gone() <-chan struct{} { return c.Context().Done() }

// bodyCarrier is the body of an answer.
type bodyCarrier struct {
	response
	ctx  context.Context
	cut  *cut
	over func()
}

// newBodyCarrier sends the head of the answer. A write to a client that has gone does not wait for it.
func newBodyCarrier(w http.ResponseWriter, r *http.Request) *bodyCarrier {
	c := &bodyCarrier{response: response{w, http.NewResponseController(w)}, ctx: r.Context()}
	c.cut = newCut(c.controller.SetWriteDeadline)
	c.over = c.cut.whenGone(c.ctx)
	c.Flush()
	return c
}

// Write leaves the last frames to be sent together with the end of the body, which follows at once: a client that has
// the one without the other would have to give the connection up.
func (c *bodyCarrier) Write(frames []byte, last bool) error {
	if _, err := c.response.Write(frames); err != nil || last {
		return err
	}
	return c.Flush()
}

// Begin does nothing: such a client sends no frames.
func (c *bodyCarrier) Begin() {}

func (c *bodyCarrier) Gone() <-chan struct{} { return c.ctx.Done() }

// Cut does nothing to a connection that has been left to the next request.
func (c *bodyCarrier) Cut() { c.cut.now() }

// finish is called when the body is over.
func (c *bodyCarrier) finish() {
	c.over()
	c.controller.SetWriteDeadline(time.Time{})
}
