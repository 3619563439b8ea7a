package httpapi

import (
	"net/http"

	"bandsox.dev/agent/internal/dataframe"
)

// transferLimit is how many files and trees are read or written at the same time. Each takes half a megabyte; two of those to
// the guest take four more, and four of those from it one.
const transferLimit = 64

const framesType = "application/vnd.bandsox.frames"

// transferring refuses a call while there are too many like it.
func transferring(answer func(*API, http.ResponseWriter, *http.Request)) func(*API, http.ResponseWriter, *http.Request) {
	return inMachine(func(a *API, w http.ResponseWriter, r *http.Request) {
		select {
		case a.transfers <- struct{}{}:
			defer func() { <-a.transfers }()
			answer(a, w, r)
		default:
			writeError(w, http.StatusTooManyRequests, "transfer_busy", "64 files and trees are being transferred already")
		}
	})
}

// sendData answers with what fill writes. After a failure the body has no end frame and is cut off.
func sendData(w http.ResponseWriter, r *http.Request, fill func(*dataframe.Writer) error) {
	w.Header().Set("Content-Type", framesType)
	w.WriteHeader(http.StatusOK)
	cut := newCut(http.NewResponseController(w).SetWriteDeadline)
	defer cut.whenGone(r.Context())()
	frames := dataframe.NewWriter(w)
	defer frames.Release()
	err := fill(frames)
	if err == nil {
		err = frames.Close()
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

// sendPart answers with a part of what more than this answer carries; cut gives the client up. fill writes the end frame,
// too, or refuses before it has written anything.
func sendPart(w http.ResponseWriter, r *http.Request, fill func(to *dataframe.Writer, cut func()) error) {
	w.Header().Set("Content-Type", framesType)
	cut := newCut(http.NewResponseController(w).SetWriteDeadline)
	defer cut.whenGone(r.Context())()
	frames := dataframe.NewPlainWriter(w)
	defer frames.Release()
	err := archiveError(r.URL.Query().Get("path"), fill(frames, cut.now))
	if err != nil && !frames.HasBegun() {
		writeFileError(w, err)
	} else if err != nil {
		panic(http.ErrAbortHandler)
	}
}

// receiveData hands over the frames of a request's body and a function that gives the client up.
func receiveData(w http.ResponseWriter, r *http.Request, take func(from *dataframe.Reader, giveUp func())) {
	frames := dataframe.NewReader(r.Body)
	defer frames.Release()
	cut := newCut(http.NewResponseController(w).SetReadDeadline)
	defer cut.over()
	take(frames, cut.now)
}
