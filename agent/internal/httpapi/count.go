package httpapi

import (
	"net/http"
	"strconv"
)

// readCount takes a query parameter that is a whole number from 0 to most, or answers with the error and returns false.
func readCount(w http.ResponseWriter, r *http.Request, name string, absent, most int64) (int64, bool) {
	query := r.URL.Query()
	if !query.Has(name) {
		return absent, true
	}
	n, err := strconv.ParseUint(query.Get(name), 10, 63)
	if err != nil || int64(n) > most {
		writeError(w, http.StatusBadRequest, "bad_request", name+" must be a number from 0 to "+strconv.FormatInt(most, 10))
		return 0, false
	}
	return int64(n), true
}
