package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// query reads parameters; the first one that is wrong is remembered. That each is known has been checked before.
type query struct {
	values  url.Values
	problem string
}

func queryOf(r *http.Request) *query { return &query{values: r.URL.Query()} }

func (q *query) text(name string) string { return q.values.Get(name) }

// number is a decimal number within bounds; absent is what it is without the parameter.
func (q *query) number(name string, absent, least, most int64) int64 {
	text := q.values.Get(name)
	if text == "" {
		return absent
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < least || number > most {
		q.fail("%s is %.40q, it must be a number from %d to %d", name, text, least, most)
	}
	return number
}

// flag is true for `1`.
func (q *query) flag(name string) bool { return q.choice(name, "1") }

// choice is true for the one value that is allowed.
func (q *query) choice(name, value string) bool {
	text := q.values.Get(name)
	if text != "" && text != value {
		q.fail("%s is %.40q, it can only be %s", name, text, value)
	}
	return text == value
}

func (q *query) fail(format string, args ...any) {
	if q.problem == "" {
		q.problem = fmt.Sprintf(format, args...)
	}
}

// refuse answers with what is wrong, if something is.
func (q *query) refuse(w http.ResponseWriter) bool {
	if q.problem != "" {
		writeError(w, http.StatusBadRequest, "bad_request", "query: "+q.problem)
	}
	return q.problem != ""
}
