package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strconv"
)

// pumpLimit is the most bytes of one measurement.
const pumpLimit = 1 << 30

// pumpPiece is how many bytes are written at a time.
const pumpPiece = 64 << 10

var zeros [pumpPiece]byte

var pumpRoutes = []route{
	{"GET /v1/pump", "bytes", (*API).pumpOut},
	{"POST /v1/pump", "bytes", (*API).pumpIn},
}

// pumpIn measures the way to the guest: it discards the body.
func (a *API) pumpIn(w http.ResponseWriter, r *http.Request) {
	announced, ok := readCount(w, r, "bytes", -1, pumpLimit)
	if !ok {
		return
	}
	taken, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, pumpLimit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		writeError(w, http.StatusRequestEntityTooLarge, "body_too_large", "the body is larger than 1 GiB")
		return
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	if announced >= 0 && announced != taken {
		writeError(w, http.StatusBadRequest, "bad_request", "the body has another length than bytes says")
		return
	}
	writeJSON(w, http.StatusOK, map[string]int64{"bytes": taken})
}

// pumpOut measures the way to the host: its answer is zero bytes.
func (a *API) pumpOut(w http.ResponseWriter, r *http.Request) {
	left, ok := readCount(w, r, "bytes", -1, pumpLimit)
	if !ok {
		return
	}
	if left < 0 {
		writeError(w, http.StatusBadRequest, "bad_request", "bytes is required")
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(left, 10))
	for left > 0 {
		n, err := w.Write(zeros[:min(left, pumpPiece)])
		if err != nil {
			panic(http.ErrAbortHandler) // the client has gone
		}
		left -= int64(n)
	}
}
