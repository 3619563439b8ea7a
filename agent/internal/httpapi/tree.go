package httpapi

import (
	"net/http"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/glob"
	"bandsox.dev/agent/internal/tree"
)

var treeRoutes = []route{
	{"GET /v1/tree", "path include* exclude*", transferring((*API).readTree)},
	{"PUT /v1/tree", "path parents replace owner", transferring((*API).writeTree)},
}

func (a *API) readTree(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	choice := tree.Choice{Include: q.globs("include"), Exclude: q.globs("exclude")}
	if q.refuse(w) {
		return
	}
	root, err := tree.CheckPath(q.text("path"))
	if err != nil {
		writeFileError(w, err)
		return
	}
	sendData(w, r, func(to *dataframe.Writer) error { return tree.Pack(r.Context(), root, choice, to) })
}

func (q *query) globs(name string) glob.List {
	list, err := glob.Parse(q.values[name])
	if err != nil {
		q.fail("%s: %v", name, err)
	}
	return list
}

func (a *API) writeTree(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	target := tree.Target{
		Root: q.text("path"), Parents: q.flag("parents"), Replace: q.flag("replace"), KeepOwners: q.choice("owner", "keep"),
	}
	if q.refuse(w) {
		return
	}
	receiveData(w, r, func(from *dataframe.Reader, _ func()) {
		done, err := tree.Unpack(target, from)
		answerFile(w, done, err)
	})
}
