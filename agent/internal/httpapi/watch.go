package httpapi

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/glob"
	"bandsox.dev/agent/internal/watch"
)

var watchRoutes = []route{
	{"POST /v1/watches", "", inMachine((*API).startWatch)},
	{"GET /v1/watches/{id}", "after", inMachine((*API).readWatch)},
	{"DELETE /v1/watches/{id}", "", inMachine((*API).endWatch)},
}

func (a *API) startWatch(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Path      string   `json:"path"`
		Recursive bool     `json:"recursive"`
		Exclude   []string `json:"exclude"`
	}
	if !readJSON(w, r, &request) {
		return
	}
	exclude, err := glob.Parse(request.Exclude)
	if err != nil {
		writeError(w, http.StatusBadRequest, "bad_request", "exclude: "+err.Error())
		return
	}
	started, err := a.watches.Start(request.Path, request.Recursive, exclude)
	if err != nil {
		writeWatchError(w, err)
		return
	}
	writeJSON(w, http.StatusCreated, map[string]any{"id": started.ID, "cursor": 0})
}

func writeWatchError(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, watch.ErrBusy):
		writeError(w, http.StatusTooManyRequests, "watch_busy", err.Error())
	case errors.Is(err, watch.ErrUnknown):
		writeError(w, http.StatusNotFound, "watch_not_found", err.Error())
	case errors.Is(err, watch.ErrAhead):
		writeError(w, http.StatusRequestedRangeNotSatisfiable, "offset_ahead", err.Error())
	default:
		writeFileError(w, err)
	}
}

func (a *API) readWatch(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	after := q.number("after", 0, 0, math.MaxInt64)
	if q.refuse(w) {
		return
	}
	reader, err := a.watches.Read(r.PathValue("id"), after)
	if err != nil {
		writeWatchError(w, err)
		return
	}
	defer reader.Close()
	w.Header().Set("Content-Type", framesType)
	w.WriteHeader(http.StatusOK)
	client := http.NewResponseController(w)
	defer newCut(client.SetWriteDeadline).whenGone(r.Context())()
	// What fails is the connection: then there is nobody to tell.
	for err := client.Flush(); err == nil; err = client.Flush() {
		events, err := reader.Next(r.Context())
		if err != nil || len(events) == 0 {
			return
		}
		var frames []byte
		for i := range events {
			payload, err := json.Marshal(&events[i])
			if err != nil {
				panic(err) // our own type
			}
			frames = dataframe.Append(frames, dataframe.KindEvent, payload)
		}
		if _, err := w.Write(frames); err != nil {
			return
		}
	}
}

func (a *API) endWatch(w http.ResponseWriter, r *http.Request) {
	if err := a.watches.End(r.PathValue("id")); err != nil {
		writeWatchError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}
