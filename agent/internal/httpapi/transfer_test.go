package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"
)

func TestTransfersBeyondTheLimitAreRefused(t *testing.T) {
	client := serveAPI(t, &fakeMachine{true}, nil)["HTTP/1.1"]
	dir := t.TempDir()
	var feeds []*io.PipeWriter
	ended := make(chan struct{}, transferLimit)
	for i := range transferLimit {
		body, feed := io.Pipe()
		feeds = append(feeds, feed)
		request, _ := http.NewRequest("PUT", fmt.Sprintf("http://vm/v1/file?path=%s/%d", dir, i), body)
		go func() {
			if response, err := client.Do(request); err == nil {
				response.Body.Close()
			}
			ended <- struct{}{}
		}()
		feed.Write([]byte{5})
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if under, _ := os.ReadDir(dir); len(under) == transferLimit {
			break // all are under way
		}
		if time.Now().After(end) {
			t.Fatal("they never begin")
		}
	}
	if status, answer := call(t, client, "GET", "/v1/file?path=/etc/passwd", ""); status != 429 || answer["code"] != "transfer_busy" {
		t.Errorf("got %d %v", status, answer)
	}
	for _, feed := range feeds {
		feed.CloseWithError(io.ErrUnexpectedEOF)
	}
	for range feeds {
		<-ended
	}
}

func TestALeavingReaderEndsItsTransfer(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/f", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(dir+"/f", 1<<40); err != nil {
		t.Fatal(err)
	}
	for name, client := range serveAPI(t, &fakeMachine{true}, nil) {
		for range transferLimit + 1 { // each of them takes a place
			response := get(t, client, "/v1/file?path="+dir+"/f")
			for end := time.Now().Add(5 * time.Second); response.StatusCode == 429 && time.Now().Before(end); {
				response = get(t, client, "/v1/file?path="+dir+"/f")
			}
			if response.StatusCode != 200 {
				t.Fatalf("%s: got %s", name, response.Status)
			}
			io.CopyN(io.Discard, response.Body, 100_000)
			response.Body.Close()
		}
	}
}

// benchmarkSize is the size of the file that is carried.
const benchmarkSize = 256 << 20

func BenchmarkReadFile(b *testing.B) {
	file := b.TempDir() + "/f"
	if err := os.WriteFile(file, make([]byte, benchmarkSize), 0o600); err != nil {
		b.Fatal(err)
	}
	client := serveAPI(b, &fakeMachine{true}, nil)["HTTP/1.1"]
	b.SetBytes(benchmarkSize)
	buffer := make([]byte, 256<<10)
	for b.Loop() {
		response, err := client.Get("http://vm/v1/file?path=" + file)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{response.Body}, buffer)
		response.Body.Close()
		if n < benchmarkSize || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkWriteFile(b *testing.B) {
	dir := b.TempDir()
	client := serveAPI(b, &fakeMachine{true}, nil)["HTTP/1.1"]
	body := data(string(make([]byte, benchmarkSize)))
	b.SetBytes(benchmarkSize)
	for b.Loop() {
		request, _ := http.NewRequest("PUT", "http://vm/v1/file?path="+dir+"/f", &plainReader{body})
		response, err := client.Do(request)
		if err != nil || response.StatusCode != 200 {
			b.Fatal(response, err)
		}
		response.Body.Close()
	}
}

// plainReader is sent in chunks, as a stream of unknown length is.
type plainReader struct{ rest string }

func (r *plainReader) Read(p []byte) (int, error) {
	if r.rest == "" {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
