package httpapi

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bandsox.dev/agent/internal/dataframe"
	"github.com/cespare/xxhash/v2"
)

// data is a body that carries text.
func data(text string) string {
	var frames bytes.Buffer
	w := dataframe.NewWriter(&frames)
	defer w.Release()
	io.WriteString(w, text)
	w.Close()
	return frames.String()
}

func get(t testing.TB, client *http.Client, path string) *http.Response {
	t.Helper()
	response, err := client.Get("http://vm" + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func carried(t testing.TB, response *http.Response) (string, error) {
	t.Helper()
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != framesType {
		body, _ := io.ReadAll(response.Body)
		t.Fatalf("got %s %s", response.Status, body)
	}
	r := dataframe.NewReader(response.Body)
	defer r.Release()
	got, err := io.ReadAll(r)
	return string(got), err
}

func TestFileCallsNeedAMachine(t *testing.T) {
	client := serveAPI(t, &fakeMachine{}, nil)["HTTP/1.1"]
	for _, routes := range [][]route{fileRoutes, contentRoutes, treeRoutes, watchRoutes} {
		for _, route := range routes {
			method, path, _ := strings.Cut(route.pattern, " ")
			if status, answer := call(t, client, method, strings.ReplaceAll(path, "{id}", "x"), "{}"); status != 409 || answer["code"] != "machine_bare" {
				t.Errorf("%s: %d %v", route.pattern, status, answer)
			}
		}
	}
}

func TestWrongFileRequestsAreRefused(t *testing.T) {
	dir := t.TempDir()
	client := serveAPI(t, &fakeMachine{true}, nil)["HTTP/1.1"]
	at := func(path string) string { return url.QueryEscape(dir + path) }
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", "/v1/file?path=" + at("/none"), "", 404, "file_not_found"},
		{"GET", "/v1/file", "", 400, "path_invalid"},
		{"GET", "/v1/file?path=" + at(""), "", 409, "is_directory"},
		{"GET", "/v1/file?path=/dev/null", "", 500, "file_failed"},
		{"GET", "/v1/file?path=" + at("/none") + "&offset=-1", "", 400, "bad_request"},
		{"GET", "/v1/file?path=" + at("/none") + "&follow=1", "", 400, "bad_request"},
		{"PUT", "/v1/file?path=" + at("/f") + "&mode=4096", "", 400, "bad_request"},
		{"PUT", "/v1/file?path=" + at("/f") + "&append=yes", "", 400, "bad_request"},
		{"PUT", "/v1/file?path=" + at("/f") + "&offset=1", "", 400, "bad_request"},
		{"PUT", "/v1/file?path=" + at("/f") + "&append=1&upload=u", "", 400, "bad_request"},
		{"PUT", "/v1/file?path=" + at("/f") + "&upload=../u", "", 400, "bad_request"},
		{"PUT", "/v1/file?path=" + at("/f"), "not frames", 400, "bad_request"},
		{"PUT", "/v1/file?path=" + at("/f"), data("cut")[:10], 400, "bad_request"},
		{"PUT", "/v1/file?path=" + at("/f"), strings.Replace(data("abc"), "abc", "abd", 1), 422, "checksum_mismatch"},
		{"PUT", "/v1/file?path=" + at("/f") + "&upload=u&offset=3", data(""), 409, "offset_wrong"},
		{"PUT", "/v1/file?path=" + at("/no/f"), data(""), 404, "file_not_found"},
		{"GET", "/v1/upload?path=" + at("/f") + "&upload=u", "", 404, "file_not_found"},
		{"GET", "/v1/upload?path=" + at("/f"), "", 400, "bad_request"},
		{"DELETE", "/v1/upload?path=" + at("/f") + "&upload=u", "", 404, "file_not_found"},
		{"POST", "/v1/files/list", `{"path":"/","limit":1001}`, 400, "bad_request"},
		{"POST", "/v1/files/list", `{"path":"/","limit":0}`, 400, "bad_request"},
		{"POST", "/v1/files/stat", `{"path":"/","deep":true}`, 400, "bad_request"},
		{"POST", "/v1/files/stat", `{"path":"/\u0000"}`, 400, "path_invalid"},
		{"POST", "/v1/files/chmod", `{"path":"/"}`, 400, "bad_request"},
		{"POST", "/v1/files/chown", `{"path":"/","uid":0}`, 400, "bad_request"},
		{"POST", "/v1/files/lines", `{"path":"/","offset":-1,"limit":0}`, 400, "bad_request"},
		{"POST", "/v1/files/remove", `{"path":"/","recursive":true}`, 403, "permission_denied"},
		{"GET", "/v1/tree?path=/&offset=-1", "", 400, "bad_request"},
		{"PUT", "/v1/tree?path=" + at("") + "&offset=1", "", 400, "bad_request"},
		{"GET", "/v1/archives/none", "", 404, "file_not_found"},
		{"DELETE", "/v1/archives/none", "", 404, "file_not_found"},
		{"GET", "/v1/tree?path=/dev/null", "", 500, "file_failed"},
		{"GET", "/v1/tree?path=/&include=%5Ba", "", 400, "bad_request"},
		{"PUT", "/v1/tree?path=" + at("") + "&owner=me", "", 400, "bad_request"},
		{"PUT", "/v1/tree?path=" + at(""), data(strings.Repeat("x", 600)), 400, "archive_invalid"},
		{"PUT", "/v1/tree?path=" + at(""), data(strings.Repeat("x", 600))[:300], 400, "bad_request"},
		{"PUT", "/v1/tree?path=" + at("/none"), data(""), 404, "file_not_found"},
		{"POST", "/v1/watches", `{"path":"/none"}`, 404, "file_not_found"},
		{"POST", "/v1/watches", `{"path":"/","exclude":["[a"]}`, 400, "bad_request"},
		{"GET", "/v1/watches/none", "", 404, "watch_not_found"},
		{"DELETE", "/v1/watches/none", "", 404, "watch_not_found"},
	} {
		status, answer := call(t, client, c.method, c.path, c.body)
		if status != c.status || answer["code"] != c.code || answer["message"] == "" {
			t.Errorf("%s %s %.30q: got %d %v", c.method, c.path, c.body, status, answer)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAFileIsWrittenAndReadInRanges(t *testing.T) {
	for name, client := range serveAPI(t, &fakeMachine{true}, nil) {
		path := "/v1/file?path=" + url.QueryEscape(t.TempDir()+"/new/ü f")
		status, entry := call(t, client, "PUT", path+"&parents=1&mode=384&uid=3", data("0123456789"))
		if status != 200 || entry["size"] != 10.0 || entry["mode"] != 384.0 || entry["uid"] != 3.0 || entry["name"] != "ü f" {
			t.Fatalf("%s: %d %v", name, status, entry)
		}
		call(t, client, "PUT", path+"&append=1", data("abc"))
		response := get(t, client, path+"&offset=8&length=3")
		if got, err := carried(t, response); got != "89a" || err != nil || response.Header.Get("X-File-Size") != "13" ||
			response.Header.Get("X-File-Mode") != "384" {
			t.Errorf("%s: %q %v %v", name, got, err, response.Header)
		}
		etag := "&etag=" + response.Header.Get("X-File-Etag")
		if got, err := carried(t, get(t, client, path+etag)); got != "0123456789abc" || err != nil {
			t.Errorf("%s: %q %v", name, got, err)
		}
		call(t, client, "PUT", path, data("x"))
		if status, answer := call(t, client, "GET", path+etag, ""); status != 412 || answer["code"] != "file_changed" {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
}

func TestAnUploadWhoseClientLeavesIsResumed(t *testing.T) {
	for name, client := range serveAPI(t, &fakeMachine{true}, nil) {
		file := t.TempDir() + "/f"
		query := "?path=" + url.QueryEscape(file) + "&upload=a-1"
		whole := strings.Repeat("0123456789", 50_000)
		body, feed := io.Pipe()
		request, _ := http.NewRequest("PUT", "http://vm/v1/file"+query, body)
		go func() {
			io.WriteString(feed, data(whole)[:300_000])
			awaitEntry(filepath.Dir(file)) // a connection that breaks may take with it all that has not been read
			feed.CloseWithError(io.ErrUnexpectedEOF)
		}()
		if response, err := client.Do(request); err == nil {
			response.Body.Close()
		}
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("%s: it is there: %v", name, err)
		}
		// Taking over waits for the first transfer to end, so what has arrived is final.
		status, answer := call(t, client, "PUT", "/v1/file"+query+"&offset=1000000", "")
		if status != 409 || answer["code"] != "offset_wrong" {
			t.Errorf("%s: %d %v", name, status, answer)
		}
		_, arrived := call(t, client, "GET", "/v1/upload"+query, "")
		n, _ := arrived["bytes"].(float64)
		if n == 0 || n > 300_000 {
			t.Fatalf("%s: %v", name, arrived)
		}
		rest := dataframe.Append(nil, dataframe.KindEnd, fmt.Appendf(nil, `{"bytes":%d,"xxh64":"%016x"}`, len(whole), xxhash.Sum64String(whole)))
		for at := len(whole); at > int(n); at -= min(at-int(n), dataframe.MaxSize) {
			rest = append(dataframe.Append(nil, dataframe.KindData, []byte(whole[at-min(at-int(n), dataframe.MaxSize):at])), rest...)
		}
		status, answer = call(t, client, "PUT", fmt.Sprintf("/v1/file%s&offset=%d", query, int(n)), string(rest))
		if got, _ := os.ReadFile(file); status != 200 || string(got) != whole {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
}

func TestLinesTreesAndEntries(t *testing.T) {
	for name, client := range serveAPI(t, &fakeMachine{true}, nil) {
		dir := t.TempDir()
		post := func(call_, body string) map[string]any {
			t.Helper()
			status, answer := call(t, client, "POST", "/v1/files/"+call_, strings.ReplaceAll(body, "DIR", dir))
			if status != 200 {
				t.Errorf("%s %s: %d %v", name, call_, status, answer)
			}
			return answer
		}
		post("mkdir", `{"path":"DIR/a/b","parents":true,"mode":448}`)
		call(t, client, "PUT", "/v1/file?path="+dir+"/a/b/f", data("one\ntwo\nthree"))
		post("symlink", `{"path":"DIR/a/l","target":"b/f"}`)
		post("copy", `{"from":"DIR/a","to":"DIR/c","recursive":true}`)
		post("rename", `{"from":"DIR/c/b","to":"DIR/c/d"}`)
		post("chmod", `{"path":"DIR/c/d/f","mode":256}`)
		post("chown", `{"path":"DIR/c/d/f","uid":7,"gid":-1}`)
		if entry := post("stat", `{"path":"DIR/c/d/f"}`); entry["uid"] != 7.0 || entry["mode"] != 256.0 {
			t.Errorf("%s: %v", name, entry)
		}
		post("remove", `{"path":"DIR/a","recursive":true}`)
		listing := post("list", `{"path":"DIR/c"}`)
		if entries := listing["entries"].([]any); len(entries) != 2 || listing["more"] != false || entries[1].(map[string]any)["target"] != "b/f" {
			t.Errorf("%s: %v", name, listing)
		}
		response, err := client.Post("http://vm/v1/files/lines", "", strings.NewReader(`{"path":"`+dir+`/c/d/f","offset":1,"limit":1}`))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := carried(t, response); got != "two\n" || err != nil || response.Header.Get("X-Lines-Skipped") != "1" || response.Header.Get("X-Lines-Total") != "3" {
			t.Errorf("%s: %q %v", name, got, response.Header)
		}
		response.Body.Close()
		archive, err := carried(t, get(t, client, "/v1/tree?path="+dir+"/c&exclude=l"))
		if err != nil {
			t.Fatal(err)
		}
		status, done := call(t, client, "PUT", "/v1/tree?parents=1&owner=keep&path="+dir+"/new", data(archive))
		if got, _ := os.ReadFile(dir + "/new/d/f"); status != 200 || done["entries"] != 2.0 || done["bytes"] != 13.0 || string(got) != "one\ntwo\nthree" {
			t.Errorf("%s: %d %v", name, status, done)
		}
	}
}

func TestAWatchTellsAsThingsHappen(t *testing.T) {
	for name, client := range serveAPI(t, &fakeMachine{true}, nil) {
		dir := t.TempDir()
		status, started := call(t, client, "POST", "/v1/watches", `{"path":"`+dir+`","recursive":true}`)
		if status != 201 || started["cursor"] != 0.0 {
			t.Fatalf("%s: %d %v", name, status, started)
		}
		place := "/v1/watches/" + started["id"].(string)
		response := get(t, client, place)
		os.Mkdir(dir+"/d", 0o755)
		event := readEvent(t, response.Body)
		if event["type"] != "created" || event["path"] != dir+"/d" || event["directory"] != true || event["cursor"] != 1.0 {
			t.Errorf("%s: %v", name, event)
		}
		os.Remove(dir + "/d")
		if event = readEvent(t, response.Body); event["type"] != "removed" {
			t.Errorf("%s: %v", name, event)
		}
		if event = readEvent(t, get(t, client, place+"?after=1").Body); event["type"] != "removed" {
			t.Errorf("%s: %v", name, event)
		}
		if status, answer := call(t, client, "GET", place+"?after=9", ""); status != 416 || answer["code"] != "offset_ahead" {
			t.Errorf("%s: %d %v", name, status, answer)
		}
		if status, _ := call(t, client, "DELETE", place, ""); status != 200 {
			t.Errorf("%s: %d", name, status)
		}
		if rest, err := io.ReadAll(response.Body); len(rest) > 0 || err != nil {
			t.Errorf("%s: after the end: %q %v", name, rest, err)
		}
	}
}

func readEvent(t *testing.T, from io.Reader) map[string]any {
	t.Helper()
	var header [5]byte
	if _, err := io.ReadFull(from, header[:]); err != nil || header[0] != byte(dataframe.KindEvent) {
		t.Fatal(header, err)
	}
	body := make([]byte, binary.BigEndian.Uint32(header[1:]))
	var event map[string]any
	if _, err := io.ReadFull(from, body); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &event); err != nil {
		t.Fatal(err)
	}
	return event
}
