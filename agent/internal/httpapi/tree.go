package httpapi

import (
	"context"
	"errors"
	"math"
	"net/http"

	"bandsox.dev/agent/internal/clientid"
	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/fileerr"
	"bandsox.dev/agent/internal/glob"
	"bandsox.dev/agent/internal/transfer"
	"bandsox.dev/agent/internal/tree"
)

// archiveIDHeader names an archive whose client may come back for the rest, or with it; an agent that knows no such thing
// does not look at it.
const archiveIDHeader = "X-Archive-Id"

var treeRoutes = []route{
	{"GET /v1/tree", "path include* exclude* offset", transferring((*API).readTree)},
	{"PUT /v1/tree", "path parents replace owner offset", transferring((*API).writeTree)},
	{"GET /v1/archives/{id}", "", inMachine((*API).brokenArchive)},
	{"DELETE /v1/archives/{id}", "", inMachine((*API).endArchive)},
}

func (a *API) readTree(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	choice := tree.Choice{Include: q.globs("include"), Exclude: q.globs("exclude")}
	id, offset := q.archive(r)
	if q.refuse(w) {
		return
	}
	root, err := tree.CheckPath(q.text("path"))
	if err != nil && offset == 0 {
		writeFileError(w, err)
		return
	}
	if id == "" {
		sendData(w, r, func(to *dataframe.Writer) error { return tree.Pack(r.Context(), root, choice, to) })
		return
	}
	pack := func(ctx context.Context, to *transfer.Archive) error { return tree.Pack(ctx, root, choice, to) }
	sendPart(w, r, func(to *dataframe.Writer, cut func()) error {
		return a.archives.Pack(id, transfer.Taking(to, offset, cut), pack)
	})
}

// archive is which archive the request is about, and from where on.
func (q *query) archive(r *http.Request) (id string, offset int64) {
	id, offset = r.Header.Get(archiveIDHeader), q.number("offset", 0, 0, math.MaxInt64)
	switch {
	case id != "" && !clientid.Valid(id):
		q.fail("the header %s must be 1 to 64 of A-Z a-z 0-9 _ -", archiveIDHeader)
	case offset > 0 && id == "":
		q.fail("offset needs the header %s", archiveIDHeader)
	}
	return id, offset
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
	id, offset := q.archive(r)
	if q.refuse(w) {
		return
	}
	receiveData(w, r, func(from *dataframe.Reader, cut func()) {
		var done tree.Unpacked
		var err error
		if id == "" {
			done, err = tree.Unpack(target, from)
		} else {
			done, err = a.archives.Unpack(id, target, offset, transfer.Bringing(from, cut))
		}
		answerFile(w, done, archiveError(target.Root, err))
	})
}

// brokenArchive takes an archive from the connection it has: another is to go on with it.
func (a *API) brokenArchive(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	arrived, err := a.archives.Arrived(id)
	answerFile(w, map[string]int64{"bytes": arrived}, archiveError(id, err))
}

func (a *API) endArchive(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	answerFile(w, struct{}{}, archiveError(id, a.archives.End(id)))
}

// archiveError gives what can be wrong with an archive its code.
func archiveError(what string, err error) error {
	switch {
	case errors.Is(err, transfer.ErrUnknown):
		return fileerr.New(fileerr.NotFound, "go on with", what, "%w", err)
	case errors.Is(err, transfer.ErrOffset):
		return fileerr.New(fileerr.OffsetWrong, "go on with", what, "%w", err)
	}
	return err
}
