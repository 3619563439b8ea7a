package httpapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"bandsox.dev/agent/internal/dataframe"
)

// plantTree makes files of altogether some 300 kB, one of them with two names.
func plantTree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for i := range 30 {
		os.MkdirAll(fmt.Sprintf("%s/d%d", root, i%4), 0o755)
		os.WriteFile(fmt.Sprintf("%s/d%d/f%d", root, i%4, i), bytes.Repeat([]byte{byte(i)}, 10_000), 0o644)
	}
	if err := os.Link(root+"/d0/f0", root+"/d3/again"); err != nil {
		t.Fatal(err)
	}
	return root
}

// ask makes a request about an archive with a name; its body is read by the caller.
func ask(t *testing.T, client *http.Client, method, path string, body io.Reader) *http.Response {
	t.Helper()
	request, _ := http.NewRequest(method, "http://vm"+path, body)
	request.Header.Set(archiveIDHeader, "a-1")
	response, err := client.Do(request)
	if err != nil {
		return nil
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func TestATreeIsReadOnFromWhereItsClientIs(t *testing.T) {
	for name, client := range serveAPI(t, &fakeMachine{true}, nil) {
		root := plantTree(t)
		path := "/v1/tree?exclude=f3&path=" + root
		whole, err := carried(t, get(t, client, path))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		for _, size := range []int64{100, 70_000, 100_000, 1 << 20} {
			response := ask(t, client, "GET", fmt.Sprintf("%s&offset=%d", path, got.Len()), nil)
			if response == nil || response.StatusCode != 200 {
				t.Fatalf("%s: %v", name, response)
			}
			r := dataframe.NewReader(response.Body)
			r.Before(bytes.NewReader(got.Bytes())) // the checksum is the whole archive's
			_, err = io.CopyN(&got, r, size)
			r.Release()
			response.Body.Close()
			os.WriteFile(root+"/d0/f0", []byte("changed"), 0o644) // is in the archive already
		}
		if got.String() != whole || err != io.EOF {
			t.Errorf("%s: %d of %d bytes, %v", name, got.Len(), len(whole), err)
		}
		response := ask(t, client, "GET", fmt.Sprintf("%s&offset=%d", path, len(whole)+1), nil)
		if response.StatusCode != 409 {
			t.Errorf("%s: beyond the end: %d", name, response.StatusCode)
		}
		if status, _ := call(t, client, "DELETE", "/v1/archives/a-1", ""); status != 200 {
			t.Errorf("%s: got %d", name, status)
		}
		response = ask(t, client, "GET", path+"&offset=1", nil)
		if body, _ := io.ReadAll(response.Body); response.StatusCode != 404 || !strings.Contains(string(body), "file_not_found") {
			t.Errorf("%s: of what was ended: %d %s", name, response.StatusCode, body)
		}
	}
}

// awaitEntry returns when there is something in a directory, hidden or not, that is not empty; at the latest after five
// seconds.
func awaitEntry(directory string) {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		entries, _ := os.ReadDir(directory)
		for _, entry := range entries {
			if info, err := entry.Info(); err == nil && info.Size() > 0 {
				return
			}
		}
	}
}

func TestATreeWhoseClientLeavesIsGoneOnWith(t *testing.T) {
	for name, client := range serveAPI(t, &fakeMachine{true}, nil) {
		archive, err := carried(t, get(t, client, "/v1/tree?path="+plantTree(t)))
		if err != nil {
			t.Fatal(err)
		}
		root := t.TempDir()
		put := func(offset int, body io.Reader) (int, string) {
			response := ask(t, client, "PUT", fmt.Sprintf("/v1/tree?path=%s&offset=%d", root, offset), body)
			if response == nil {
				return 0, ""
			}
			answer, _ := io.ReadAll(response.Body)
			return response.StatusCode, string(answer)
		}
		body, feed := io.Pipe()
		go func() {
			io.WriteString(feed, data(archive)[:200_000])
			awaitEntry(root) // a connection that breaks may take with it all that has not been read
			feed.CloseWithError(io.ErrUnexpectedEOF)
		}()
		put(0, body)
		status, arrived := call(t, client, "GET", "/v1/archives/a-1", "")
		at, _ := arrived["bytes"].(float64)
		if status != 200 || at == 0 || at > 200_000 {
			t.Fatalf("%s: %d %v", name, status, arrived)
		}
		if status, answer := put(int(at)+1, strings.NewReader("")); status != 409 || !strings.Contains(answer, "offset_wrong") {
			t.Errorf("%s: %d %s", name, status, answer)
		}
		var rest bytes.Buffer
		w := dataframe.NewPlainWriter(&rest)
		io.WriteString(w, archive[int(at):])
		var all dataframe.Sum
		all.Add([]byte(archive))
		w.CloseAs(all)
		w.Release()
		if status, answer := put(int(at), &rest); status != 200 || !strings.Contains(answer, `"bytes":300000`) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
		first, _ := os.Stat(root + "/d0/f0")
		again, err := os.Stat(root + "/d3/again")
		if err != nil || !os.SameFile(first, again) {
			t.Errorf("%s: the two names are of two files: %v", name, err)
		}
		if status, _ := call(t, client, "DELETE", "/v1/archives/a-1", ""); status != 200 {
			t.Errorf("%s: got %d", name, status)
		}
		if status, answer := call(t, client, "GET", "/v1/archives/a-1", ""); status != 404 || answer["code"] != "file_not_found" {
			t.Errorf("%s: got %d %v", name, status, answer)
		}
	}
}
