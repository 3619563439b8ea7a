package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// readQuery parses the query, or answers with the error and returns false. A parameter that is not among the known or
// is given twice is an error.
func readQuery(w http.ResponseWriter, r *http.Request, known ...string) (url.Values, bool) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		writeError(w, http.StatusBadRequest, "bad_request", "query: "+err.Error())
		return nil, false
	}
	for name, values := range query {
		if !slices.Contains(known, name) {
			writeError(w, http.StatusBadRequest, "bad_request", "unknown query parameter "+strconv.Quote(name))
			return nil, false
		}
		if len(values) > 1 {
			writeError(w, http.StatusBadRequest, "bad_request", "query parameter "+name+" is given more than once")
			return nil, false
		}
	}
	return query, true
}

// readCount takes a query parameter that is a whole number from 0 to most, or answers with the error and returns false.
func readCount(w http.ResponseWriter, query url.Values, name string, absent, most int64) (int64, bool) {
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
