package httpapi

import (
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"bandsox.dev/agent/internal/exec"
	"bandsox.dev/agent/internal/session"
	"golang.org/x/sys/unix"
)

const (
	waitDefaultMs = 30_000
	waitLimitMs   = 60_000
)

var sessionRoutes = []route{
	{"PUT /v1/sessions/{id}", "", inMachine((*API).startSession)},
	{"GET /v1/sessions", "", inMachine((*API).listSessions)},
	{"GET /v1/sessions/{id}", "", inSession((*API).showSession)},
	{"DELETE /v1/sessions/{id}", "", inMachine((*API).deleteSession)},
	{"GET /v1/sessions/{id}/attach", "stdout stderr", inSession((*API).attachSession)},
	{"POST /v1/sessions/{id}/stdin", "close", inSession((*API).writeSession)},
	{"POST /v1/sessions/{id}/signal", "", inSession((*API).signalSession)},
	{"POST /v1/sessions/{id}/resize", "", inSession((*API).resizeSession)},
	{"GET /v1/sessions/{id}/wait", "timeoutMs", inSession((*API).awaitSession)},
}

type sessionHandler func(*API, http.ResponseWriter, *http.Request, *session.Session)

// inSession finds the session a call is for.
func inSession(answer sessionHandler) func(*API, http.ResponseWriter, *http.Request) {
	return inMachine(func(a *API, w http.ResponseWriter, r *http.Request) {
		found, err := a.sessions.Get(r.PathValue("id"))
		if err != nil {
			writeSessionError(w, err)
			return
		}
		answer(a, w, r, found)
	})
}

func (a *API) startSession(w http.ResponseWriter, r *http.Request) {
	var spec session.Spec
	if !readJSON(w, r, &spec) {
		return
	}
	defaults, _ := a.machine.Defaults()
	started, fresh, err := a.sessions.Start(r.PathValue("id"), spec, defaults)
	if err != nil {
		writeSessionError(w, err)
		return
	}
	status := http.StatusOK
	if fresh {
		status = http.StatusCreated
	}
	writeJSON(w, status, started.Info())
}

func writeSessionError(w http.ResponseWriter, err error) {
	var invalid *session.InvalidError
	switch {
	case errors.Is(err, session.ErrUnknown):
		writeError(w, http.StatusNotFound, "session_not_found", err.Error())
	case errors.Is(err, session.ErrBusy):
		writeError(w, http.StatusTooManyRequests, "exec_busy", err.Error())
	case errors.As(err, &invalid):
		writeError(w, http.StatusBadRequest, "bad_request", invalid.Reason)
	default:
		writeExecError(w, err)
	}
}

func (a *API) listSessions(w http.ResponseWriter, _ *http.Request) {
	infos := []session.Info{}
	for _, s := range a.sessions.List() {
		infos = append(infos, s.Info())
	}
	writeJSON(w, http.StatusOK, map[string]any{"sessions": infos})
}

func (a *API) showSession(w http.ResponseWriter, _ *http.Request, s *session.Session) {
	writeJSON(w, http.StatusOK, s.Info())
}

func (a *API) deleteSession(w http.ResponseWriter, r *http.Request) {
	if err := a.sessions.Delete(r.PathValue("id")); err != nil {
		writeSessionError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

func (a *API) attachSession(w http.ResponseWriter, r *http.Request, s *session.Session) {
	q := queryOf(r)
	info := s.Info()
	at := session.Offsets{q.offset("stdout", info.Stdout), q.offset("stderr", info.Stderr)}
	if q.refuse(w) {
		return
	}
	if at[0] > info.Stdout.To || at[1] > info.Stderr.To {
		writeError(w, http.StatusRequestedRangeNotSatisfiable, "offset_ahead", "the session has not printed that much")
		return
	}
	if !asksForFrames(r) {
		writeError(w, http.StatusBadRequest, "bad_request", "ask with HTTP/1.1 and Upgrade: "+framesUpgrade)
		return
	}
	client, err := openDuplex(w, s)
	if err != nil {
		return // the connection is gone
	}
	defer client.Leave()
	s.Show(client, at) // ends with the session or with the client
}

// offset is a position in a stream, `end` for what is to come.
func (q *query) offset(name string, kept session.Kept) int64 {
	if q.text(name) == "end" {
		return kept.To
	}
	return q.number(name, 0, 0, math.MaxInt64)
}

func (a *API) writeSession(w http.ResponseWriter, r *http.Request, s *session.Session) {
	q := queryOf(r)
	closing := q.flag("close")
	if q.refuse(w) {
		return
	}
	// Refused before the body is read, which a client may go on sending for long.
	if !s.Input().IsOpen() {
		writeError(w, http.StatusConflict, "stdin_closed", exec.ErrInputClosed.Error())
		return
	}
	bytes, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		writeError(w, http.StatusRequestEntityTooLarge, "body_too_large", "the body is larger than 4 MiB")
		return
	}
	if err != nil {
		writeError(w, http.StatusBadRequest, "bad_request", "request body: "+err.Error())
		return
	}
	taken := 0
	if len(bytes) > 0 {
		taken, err = s.Input().Write(r.Context(), bytes)
	}
	if err == nil && closing {
		err = s.Input().Close(r.Context())
	}
	if err != nil {
		writeError(w, http.StatusConflict, "stdin_closed", err.Error()+" after "+strconv.Itoa(taken)+" bytes")
		return
	}
	writeJSON(w, http.StatusOK, map[string]int{"bytes": taken})
}

func (a *API) signalSession(w http.ResponseWriter, r *http.Request, s *session.Session) {
	var request struct {
		Signal string `json:"signal"`
	}
	if !readJSON(w, r, &request) {
		return
	}
	number := unix.SignalNum(request.Signal)
	if number == 0 {
		writeError(w, http.StatusBadRequest, "bad_request", "there is no signal "+strconv.Quote(request.Signal))
		return
	}
	select {
	case <-s.Ended():
		writeError(w, http.StatusConflict, "session_ended", "the session has ended")
		return
	default:
	}
	s.Signal(number)
	writeJSON(w, http.StatusOK, struct{}{})
}

func (a *API) resizeSession(w http.ResponseWriter, r *http.Request, s *session.Session) {
	var size exec.Size
	if !readJSON(w, r, &size) {
		return
	}
	if err := size.Check(); err != nil {
		writeError(w, http.StatusBadRequest, "bad_request", err.Error())
		return
	}
	if err := s.Resize(size); errors.Is(err, exec.ErrNoTerminal) {
		writeError(w, http.StatusConflict, "not_a_terminal", err.Error())
		return
	}
	// The terminal of a command that has just ended has no size any more; nobody misses it.
	writeJSON(w, http.StatusOK, struct{}{})
}

func (a *API) awaitSession(w http.ResponseWriter, r *http.Request, s *session.Session) {
	q := queryOf(r)
	limit := q.number("timeoutMs", waitDefaultMs, 0, waitLimitMs)
	if q.refuse(w) {
		return
	}
	timer := time.NewTimer(time.Duration(limit) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-s.Ended():
	case <-timer.C:
	case <-r.Context().Done():
		return
	}
	writeJSON(w, http.StatusOK, s.Info())
}
