package httpapi

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// route is one call of the protocol.
type route struct {
	// pattern is `METHOD /path/{name}` as http.ServeMux takes it; the handler finds {name} with r.PathValue.
	pattern string
	// query names the parameters the call takes, with spaces between; one that may be given more than once ends in `*`.
	query  string
	answer func(*API, http.ResponseWriter, *http.Request)
}

// routes is every call; each group stands beside its handlers.
var routes = slices.Concat(
	machineRoutes,
	execRoutes,
	execsRoutes,
	sessionRoutes,
	tcpRoutes,
	healthRoutes,
	pingRoutes,
	pumpRoutes,
	fileRoutes,
	contentRoutes,
	treeRoutes,
	watchRoutes,
)

var machineRoutes = []route{
	{"GET /v1/hello", "", (*API).hello},
	{"PUT /v1/machine", "", (*API).enterMachine},
	{"POST /v1/identity", "", inMachine((*API).refreshIdentity)},
	{"POST /v1/clock", "", inMachine((*API).shiftClock)},
	{"POST /v1/settle", "", (*API).settle},
	{"POST /v1/power-off", "", (*API).endMachine},
}

// inMachine refuses a call that only makes sense inside a machine while there is none.
func inMachine(answer func(*API, http.ResponseWriter, *http.Request)) func(*API, http.ResponseWriter, *http.Request) {
	return func(a *API, w http.ResponseWriter, r *http.Request) {
		if _, ready := a.machine.Defaults(); !ready {
			writeError(w, http.StatusConflict, "machine_bare", "the machine has no disks yet")
			return
		}
		answer(a, w, r)
	}
}

// handler serves routes; every refusal is a JSON error. The mux knows places only: what it does for each pattern is a good
// part of an emulated agent's start.
func (a *API) handler() http.Handler {
	mux := http.NewServeMux()
	byPlace := map[string][]route{}
	for _, route := range routes {
		_, place, _ := strings.Cut(route.pattern, " ")
		byPlace[place] = append(byPlace[place], route)
	}
	for place, here := range byPlace {
		mux.HandleFunc(place, func(w http.ResponseWriter, r *http.Request) { a.dispatch(w, r, here) })
	}
	mux.HandleFunc("/", refusePath)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil                  // nobody asks, and formatting it is a tenth of what a small answer costs
		if path.Clean(r.URL.Path) != r.URL.Path { // the mux would redirect
			refusePath(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// dispatch has the route of the request's method answer, of those of its place.
func (a *API) dispatch(w http.ResponseWriter, r *http.Request, here []route) {
	for _, route := range here {
		if route.method() != r.Method {
			continue
		}
		if problem := route.checkQuery(r); problem != "" {
			writeError(w, http.StatusBadRequest, "bad_request", problem)
		} else {
			route.answer(a, w, r)
		}
		return
	}
	refuseMethod(w, r, here)
}

func (t route) method() string {
	method, _, _ := strings.Cut(t.pattern, " ")
	return method
}

func refusePath(w http.ResponseWriter, r *http.Request) {
	writeError(w, http.StatusNotFound, "not_found", "no such path: "+r.URL.Path)
}

func refuseMethod(w http.ResponseWriter, r *http.Request, here []route) {
	var taken []string
	for _, route := range here {
		taken = append(taken, route.method())
	}
	methods := strings.Join(taken, ", ")
	w.Header().Set("Allow", methods)
	writeError(w, http.StatusMethodNotAllowed, "method_not_allowed", r.URL.Path+" takes "+methods)
}

// checkQuery returns what is wrong with the request's query, or nothing.
func (t route) checkQuery(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "query: " + err.Error()
	}
	known := strings.Fields(t.query)
	for name, values := range query {
		switch {
		case slices.Contains(known, name+"*"):
		case !slices.Contains(known, name):
			return "unknown query parameter " + name
		case len(values) > 1:
			return "query parameter " + name + " is given more than once"
		}
	}
	return ""
}
