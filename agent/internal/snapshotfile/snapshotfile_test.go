package snapshotfile

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"bandsox.dev/agent/internal/image/fault"
)

const gib = 1 << 30

// sparseFile makes a file of size bytes with words at offsets.
func sparseFile(t *testing.T, size int64, words map[int64]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for offset, word := range words {
		if _, err := file.WriteAt([]byte(word), offset); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func packed(t *testing.T, sources ...Source) []byte {
	t.Helper()
	var archive bytes.Buffer
	if err := Write(t.Context(), &archive, sources); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

func TestAFileWithHolesComesBackWithItsHoles(t *testing.T) {
	path := sparseFile(t, 64*gib, map[int64]string{0: "start", 5 * gib: "middle", 64*gib - 3: "end"})
	archive := packed(t, Source{"layer.ext4", path}, Source{"state", sparseFile(t, 0, nil)})
	if len(archive) > 64<<10 {
		t.Errorf("the archive has %d bytes", len(archive))
	}
	dir := t.TempDir()
	wanted := map[string]Wanted{"layer.ext4": {Limit: 64 * gib, Size: 64 * gib}, "state": {Limit: 10}}
	digests, err := Read(t.Context(), bytes.NewReader(archive), dir, wanted)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Digest(t.Context(), filepath.Join(dir, "layer.ext4"))
	if err != nil || again != digests["layer.ext4"] {
		t.Errorf("digest %s, %v; want %s", again, err, digests["layer.ext4"])
	}
	file, err := os.Open(filepath.Join(dir, "layer.ext4"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	word := make([]byte, 6)
	if _, err := file.ReadAt(word, 5*gib); err != nil || string(word) != "middle" {
		t.Errorf("read %q, %v", word, err)
	}
}

func TestTheDigestIsOfTheContentWhateverIsAllocated(t *testing.T) {
	thin := sparseFile(t, 1<<20, map[int64]string{8192: "x"})
	thick := filepath.Join(t.TempDir(), "thick")
	body, err := os.ReadFile(thin)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(thick, body, 0o600); err != nil {
		t.Fatal(err)
	}
	if one, other := packed(t, Source{"f", thin}), packed(t, Source{"f", thick}); !bytes.Equal(one, other) {
		t.Error("the same content makes two archives")
	}
}

// entry is an entry of an archive made by hand.
type entry struct {
	name, body string
	kind       byte
}

func archiveOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	compressor, _ := zstd.NewWriter(&out)
	archive := tar.NewWriter(compressor)
	for _, e := range entries {
		h := header(e.name, int64(len(e.body)))
		if e.kind != 0 {
			h.Typeflag, h.Linkname, h.Size = e.kind, "/etc/passwd", 0
		}
		if err := archive.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if e.kind == 0 {
			archive.Write([]byte(e.body))
		}
	}
	if err := errors.Join(archive.Close(), compressor.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func digestsOf(entries ...entry) entry {
	all := map[string]string{}
	for _, e := range entries {
		sum := sha256.Sum256([]byte(e.body))
		all[e.name] = "sha256:" + hex.EncodeToString(sum[:])
	}
	body, _ := json.Marshal(all)
	return entry{name: DigestsName, body: string(body)}
}

func TestAHostileArchiveIsRefused(t *testing.T) {
	good := entry{name: "memory", body: "bandsox-sparse/1 8192 1\n0 4\nabcd"}
	with := func(body string) []byte {
		e := entry{name: "memory", body: body}
		return archiveOf(t, e, digestsOf(e))
	}
	for what, archive := range map[string][]byte{
		"a way out: that no snapshot has":        archiveOf(t, entry{name: "../memory", body: good.body}, digestsOf()),
		"an absolute path: that no snapshot has": archiveOf(t, entry{name: "/etc/cron.d/x", body: good.body}, digestsOf()),
		"a link: an entry \"memory\"":            archiveOf(t, entry{name: "memory", kind: tar.TypeSymlink}, digestsOf()),
		"twice: memory twice":                    archiveOf(t, good, good, digestsOf(good)),
		"no digests: before its digests":         archiveOf(t, good),
		"another digest: is stated":              archiveOf(t, good, digestsOf(entry{name: "memory", body: "other"})),
		"missing: is missing":                    archiveOf(t, good, digestsOf(good, entry{name: "state"})),
		"another size: 8192 are expected":        with("bandsox-sparse/1 4096 0\n"),
		"huge: are expected":                     with("bandsox-sparse/1 9223372036854775807 0\n"),
		"negative: a number is expected":         with("bandsox-sparse/1 8192 -1\n"),
		"many ranges: 4000 ranges":               with("bandsox-sparse/1 8192 4000\n"),
		"beyond the end: not one of a file":      with("bandsox-sparse/1 8192 1\n8190 4\nabcd"),
		"overflow: not one of a file":            with("bandsox-sparse/1 8192 1\n4096 9223372036854775807\nabcd"),
		"overlap: not one of a file":             with("bandsox-sparse/1 8192 2\n0 4\n2 4\nabcdefgh"),
		"empty range: not one of a file":         with("bandsox-sparse/1 8192 1\n0 0\n"),
		"too little: breaks off":                 with("bandsox-sparse/1 8192 1\n0 8\nabcd"),
		"too much: more follows":                 with("bandsox-sparse/1 8192 1\n0 2\nabcd"),
		"no sparse entry: begins with":           with("something else 1\n"),
		"a long line: its head":                  with("bandsox-sparse/1 8192 " + strings.Repeat("1", 100_000)),
		"no archive: read the snapshot":          []byte("no archive"),
		"cut off: read the snapshot":             archiveOf(t, good, digestsOf(good))[:40],
		"nothing at all: before its digests":     nil,
		"a tar of nothing: before its digests":   archiveOf(t),
	} {
		dir := t.TempDir()
		wanted := map[string]Wanted{"memory": {Limit: 8192, Size: 8192}, "state": {Limit: 100}}
		_, err := Read(t.Context(), bytes.NewReader(archive), dir, wanted)
		var known *fault.Error
		_, says, _ := strings.Cut(what, ": ")
		if !errors.As(err, &known) || known.Code != fault.SnapshotInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: it says %v", what, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "..", "memory")); err == nil {
			t.Errorf("%s: it wrote outside", what)
		}
	}
}

func TestReadingIsInterrupted(t *testing.T) {
	archive := packed(t, Source{"memory", sparseFile(t, 8192, map[int64]string{0: "abcd"})})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Read(ctx, bytes.NewReader(archive), t.TempDir(), map[string]Wanted{"memory": {Limit: 8192}})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
