package httpapi

import (
	"errors"
	"net/http"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/fileerr"
)

var fileStatus = map[fileerr.Code]int{
	fileerr.NotFound:          http.StatusNotFound,
	fileerr.IsDirectory:       http.StatusConflict,
	fileerr.NotDirectory:      http.StatusConflict,
	fileerr.Exists:            http.StatusConflict,
	fileerr.DirectoryNotEmpty: http.StatusConflict,
	fileerr.PermissionDenied:  http.StatusForbidden,
	fileerr.ReadOnly:          http.StatusForbidden,
	fileerr.NoSpace:           http.StatusInsufficientStorage,
	fileerr.PathInvalid:       http.StatusBadRequest,
	fileerr.Changed:           http.StatusPreconditionFailed,
	fileerr.ChecksumMismatch:  http.StatusUnprocessableEntity,
	fileerr.OffsetWrong:       http.StatusConflict,
	fileerr.ArchiveInvalid:    http.StatusBadRequest,
	fileerr.Failed:            http.StatusInternalServerError,
}

// writeFileError answers with what went wrong with a file or with the frames of a body.
func writeFileError(w http.ResponseWriter, err error) {
	var known *fileerr.Error
	switch {
	case errors.As(err, &known):
		writeError(w, fileStatus[known.Code], string(known.Code), known.Error())
	case errors.Is(err, dataframe.ErrChecksum):
		writeError(w, http.StatusUnprocessableEntity, string(fileerr.ChecksumMismatch), err.Error())
	case errors.Is(err, dataframe.ErrBroken), errors.Is(err, dataframe.ErrFormat):
		writeError(w, http.StatusBadRequest, "bad_request", err.Error())
	default:
		writeError(w, http.StatusInternalServerError, string(fileerr.Failed), err.Error())
	}
}

// answerFile answers with a value or with what went wrong.
func answerFile(w http.ResponseWriter, value any, err error) {
	if err != nil {
		writeFileError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, value)
}
