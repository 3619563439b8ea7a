package httpapi

import (
	"net/http"

	"bandsox.dev/agent/internal/files"
)

// fileRoutes are the calls about what a directory holds; their bodies are JSON.
var fileRoutes = []route{
	{"POST /v1/files/stat", "", inMachine((*API).statFile)},
	{"POST /v1/files/list", "", inMachine((*API).listFiles)},
	{"POST /v1/files/mkdir", "", inMachine((*API).makeDirectory)},
	{"POST /v1/files/remove", "", inMachine((*API).removeFile)},
	{"POST /v1/files/rename", "", inMachine((*API).renameFile)},
	{"POST /v1/files/copy", "", inMachine((*API).copyFile)},
	{"POST /v1/files/chmod", "", inMachine((*API).changeMode)},
	{"POST /v1/files/chown", "", inMachine((*API).changeOwner)},
	{"POST /v1/files/symlink", "", inMachine((*API).makeSymlink)},
}

const (
	// maxMode is all twelve permission bits.
	maxMode = 0o7777
	// maxID is the largest owner or group; the next number means none.
	maxID = 1<<32 - 2
)

func (a *API) statFile(w http.ResponseWriter, r *http.Request) {
	request := struct {
		Path   string `json:"path"`
		Follow bool   `json:"follow"`
	}{Follow: true}
	if readJSON(w, r, &request) {
		entry, err := files.Stat(request.Path, request.Follow)
		answerFile(w, entry, err)
	}
}

func (a *API) listFiles(w http.ResponseWriter, r *http.Request) {
	request := struct {
		Path  string `json:"path"`
		After string `json:"after"`
		Limit int    `json:"limit"`
	}{Limit: files.MaxList}
	if !readJSON(w, r, &request) {
		return
	}
	if request.Limit < 1 || request.Limit > files.MaxList {
		writeError(w, http.StatusBadRequest, "bad_request", "limit must be from 1 to 1000")
		return
	}
	listing, err := files.List(r.Context(), request.Path, request.After, request.Limit)
	answerFile(w, listing, err)
}

func (a *API) makeDirectory(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Path    string `json:"path"`
		Parents bool   `json:"parents"`
		Mode    *int   `json:"mode"`
	}
	if !readJSON(w, r, &request) {
		return
	}
	mode := -1
	if request.Mode != nil {
		mode = *request.Mode
		if !checkMode(w, mode) {
			return
		}
	}
	entry, err := files.Mkdir(request.Path, request.Parents, mode)
	answerFile(w, entry, err)
}

func checkMode(w http.ResponseWriter, mode int) bool {
	if mode < 0 || mode > maxMode {
		writeError(w, http.StatusBadRequest, "bad_request", "mode must be from 0 to 4095")
		return false
	}
	return true
}

func (a *API) removeFile(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Path      string `json:"path"`
		Recursive bool   `json:"recursive"`
		MissingOk bool   `json:"missingOk"`
	}
	if readJSON(w, r, &request) {
		answerFile(w, struct{}{}, files.Remove(r.Context(), request.Path, request.Recursive, request.MissingOk))
	}
}

func (a *API) renameFile(w http.ResponseWriter, r *http.Request) {
	request := struct {
		From    string `json:"from"`
		To      string `json:"to"`
		Replace bool   `json:"replace"`
	}{Replace: true}
	if readJSON(w, r, &request) {
		entry, err := files.Rename(r.Context(), request.From, request.To, request.Replace)
		answerFile(w, entry, err)
	}
}

func (a *API) copyFile(w http.ResponseWriter, r *http.Request) {
	request := struct {
		From      string `json:"from"`
		To        string `json:"to"`
		Recursive bool   `json:"recursive"`
		Replace   bool   `json:"replace"`
	}{Replace: true}
	if readJSON(w, r, &request) {
		entry, err := files.Copy(r.Context(), request.From, request.To, request.Recursive, request.Replace)
		answerFile(w, entry, err)
	}
}

func (a *API) changeMode(w http.ResponseWriter, r *http.Request) {
	request := struct {
		Path      string `json:"path"`
		Mode      int    `json:"mode"`
		Recursive bool   `json:"recursive"`
	}{Mode: -1}
	if readJSON(w, r, &request) && checkMode(w, request.Mode) {
		entry, err := files.Chmod(r.Context(), request.Path, uint32(request.Mode), request.Recursive)
		answerFile(w, entry, err)
	}
}

func (a *API) changeOwner(w http.ResponseWriter, r *http.Request) {
	request := struct {
		Path      string `json:"path"`
		UID       int    `json:"uid"`
		GID       int    `json:"gid"`
		Recursive bool   `json:"recursive"`
	}{UID: -2, GID: -2}
	if !readJSON(w, r, &request) {
		return
	}
	for _, id := range []int{request.UID, request.GID} {
		if id < -1 || id > maxID {
			writeError(w, http.StatusBadRequest, "bad_request", "uid and gid must be given, -1 or from 0 to 4294967294")
			return
		}
	}
	entry, err := files.Chown(r.Context(), request.Path, request.UID, request.GID, request.Recursive)
	answerFile(w, entry, err)
}

func (a *API) makeSymlink(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Path    string `json:"path"`
		Target  string `json:"target"`
		Replace bool   `json:"replace"`
	}
	if readJSON(w, r, &request) {
		entry, err := files.Symlink(request.Path, request.Target, request.Replace)
		answerFile(w, entry, err)
	}
}
