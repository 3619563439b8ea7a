package httpapi

import (
	"math"
	"net/http"
	"strconv"

	"bandsox.dev/agent/internal/clientid"
	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/files"
)

// contentRoutes are the calls about what a file holds.
var contentRoutes = []route{
	{"GET /v1/file", "path offset length etag", transferring((*API).readFile)},
	{"PUT /v1/file", "path mode uid gid append parents upload offset", transferring((*API).writeFile)},
	{"GET /v1/upload", "path upload", inMachine((*API).brokenUpload)},
	{"DELETE /v1/upload", "path upload", inMachine((*API).endUpload)},
	{"POST /v1/files/lines", "", transferring((*API).readLines)},
}

func (a *API) readFile(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	offset, length := q.number("offset", 0, 0, math.MaxInt64), q.number("length", -1, 0, math.MaxInt64)
	if q.refuse(w) {
		return
	}
	content, err := files.OpenContent(q.text("path"), q.text("etag"))
	if err != nil {
		writeFileError(w, err)
		return
	}
	defer content.Close()
	w.Header().Set("X-File-Size", strconv.FormatInt(content.Size, 10))
	w.Header().Set("X-File-Etag", content.Etag)
	w.Header().Set("X-File-Mode", strconv.FormatUint(uint64(content.Mode), 10))
	sendData(w, r, func(to *dataframe.Writer) error { return content.Send(to, offset, length) })
}

func (a *API) readLines(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Path   string `json:"path"`
		Offset int64  `json:"offset"`
		Limit  int64  `json:"limit"`
	}
	if !readJSON(w, r, &request) {
		return
	}
	if request.Offset < 0 || request.Limit < 0 {
		writeError(w, http.StatusBadRequest, "bad_request", "offset and limit must not be negative")
		return
	}
	content, err := files.OpenContent(request.Path, "")
	if err != nil {
		writeFileError(w, err)
		return
	}
	defer content.Close()
	lines, err := content.FindLines(r.Context(), request.Offset, request.Limit)
	if err != nil {
		writeFileError(w, err)
		return
	}
	w.Header().Set("X-Lines-Skipped", strconv.FormatInt(lines.Skipped, 10))
	w.Header().Set("X-Lines-Total", strconv.FormatInt(lines.Total, 10))
	sendData(w, r, func(to *dataframe.Writer) error { return content.Send(to, lines.Offset, lines.Length) })
}

func (a *API) writeFile(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	put := files.Put{
		Path: q.text("path"), Mode: int(q.number("mode", -1, 0, maxMode)), UID: int(q.number("uid", -1, 0, maxID)),
		GID: int(q.number("gid", -1, 0, maxID)), Parents: q.flag("parents"), Offset: q.number("offset", 0, 0, math.MaxInt64),
		Upload: q.upload(),
	}
	appending := q.flag("append")
	switch {
	case appending && put.Upload != "":
		q.fail("what is appended cannot be resumed: append and upload exclude each other")
	case put.Offset > 0 && put.Upload == "":
		q.fail("offset needs upload")
	}
	if q.refuse(w) {
		return
	}
	receiveData(w, r, func(from *dataframe.Reader, giveUp func()) {
		var entry files.Entry
		var err error
		if appending {
			entry, err = files.Append(put, from)
		} else {
			entry, err = a.uploads.Write(r.Context(), put, from, giveUp)
		}
		answerFile(w, entry, err)
	})
}

// upload is the name of a transfer, or nothing.
func (q *query) upload() string {
	name := q.text("upload")
	if name != "" && !clientid.Valid(name) {
		q.fail("upload must be 1 to 64 of A-Z a-z 0-9 _ -")
	}
	return name
}

func (a *API) brokenUpload(w http.ResponseWriter, r *http.Request) {
	if path, name, ok := askedUpload(w, r); ok {
		arrived, err := a.uploads.Arrived(path, name)
		answerFile(w, map[string]int64{"bytes": arrived}, err)
	}
}

func (a *API) endUpload(w http.ResponseWriter, r *http.Request) {
	if path, name, ok := askedUpload(w, r); ok {
		answerFile(w, struct{}{}, a.uploads.End(r.Context(), path, name))
	}
}

func askedUpload(w http.ResponseWriter, r *http.Request) (path, name string, ok bool) {
	q := queryOf(r)
	if name = q.upload(); name == "" {
		q.fail("upload is missing")
	}
	return q.text("path"), name, !q.refuse(w)
}
