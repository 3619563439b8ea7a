package layer_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"bandsox.dev/agent/internal/image/fault"
	. "bandsox.dev/agent/internal/image/imagetest"
	"bandsox.dev/agent/internal/image/layer"
)

func applyTar(t *testing.T, tree *layer.Tree, entries []Entry) error {
	t.Helper()
	return tree.Apply(context.Background(), bytes.NewReader(Tar(t, entries...)))
}

// zeros is an endless stream.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// bomb is a gzip of head and then 4 GiB of zeros, about 4 MiB long.
func bomb(t *testing.T, head []byte) io.Reader {
	t.Helper()
	packed := Gzip(t, head)
	block := Gzip(t, make([]byte, 64<<20))
	for range 64 {
		packed = append(packed, block...) // gzip members concatenate
	}
	return bytes.NewReader(packed)
}

func TestBombsAreRefused(t *testing.T) {
	NeedRoot(t)
	zeros := Entry{Header: tar.Header{Typeflag: tar.TypeReg, Name: "zeros", Mode: 0o644, Size: 4 << 30}}
	var header bytes.Buffer
	Must(t, tar.NewWriter(&header).WriteHeader(&zeros.Header))
	for name, stream := range map[string]io.Reader{
		"a file of 4 GiB of zeros in a small gzip": bomb(t, header.Bytes()),
		"zeros after the end of the archive":       bomb(t, Tar(t, File("a", "a"))),
	} {
		t.Run(name, func(t *testing.T) {
			plain, _, err := layer.Decompress(stream)
			Must(t, err)
			defer plain.Close()
			root := t.TempDir()
			err = layer.NewTree(root, layer.Limits{MaxBytes: 16 << 20}).Apply(context.Background(), plain)
			WantCode(t, err, fault.ImageTooLarge)
			if info, err := os.Stat(filepath.Join(root, "zeros")); err == nil && info.Size() > 16<<20 {
				t.Errorf("%d bytes were written", info.Size())
			}
		})
	}
}

func TestContentIsCountedOverAllLayers(t *testing.T) {
	body := string(make([]byte, 600))
	_, err := unpack(t, layer.Limits{MaxBytes: 1000}, Tar(t, File("a", body)), Tar(t, File("a", body)))
	WantCode(t, err, fault.ImageTooLarge)
}

func TestEntriesAreCounted(t *testing.T) {
	_, err := unpack(t, layer.Limits{MaxBytes: 1000, MaxEntries: 3}, Tar(t, Dir("a"), Dir("b")), Tar(t, Dir("a"), Dir("c")))
	WantCode(t, err, fault.ImageTooLarge)
}

func TestSparseFilesCountWithTheirHoles(t *testing.T) {
	NeedTool(t, "tar")
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "huge"))
	Must(t, err)
	Must(t, file.Truncate(1<<40))
	Must(t, file.Close())
	archive := Run(t, "tar", "-C", dir, "-S", "--format=pax", "-cf", "-", "huge")
	_, err = unpack(t, roomy, []byte(archive))
	WantCode(t, err, fault.ImageTooLarge)
}

func TestSparseFilesOfGnuTar(t *testing.T) {
	NeedTool(t, "tar")
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "sparse"))
	Must(t, err)
	for offset := range int64(30) { // more extents than one header holds
		_, err = file.WriteAt([]byte("data"), offset*100_000)
		Must(t, err)
	}
	Must(t, file.Truncate(5_000_000))
	Must(t, file.Close())
	want, err := os.ReadFile(filepath.Join(dir, "sparse"))
	Must(t, err)
	for _, format := range [][]string{
		{"--format=gnu"},
		{"--format=pax", "--sparse-version=0.0"}, {"--format=pax", "--sparse-version=0.1"}, {"--format=pax", "--sparse-version=1.0"},
	} {
		t.Run(format[len(format)-1], func(t *testing.T) {
			archive := Run(t, "tar", append(format, "-C", dir, "-S", "-cf", "-", "sparse")...)
			if len(archive) > 1_000_000 {
				t.Fatal("tar did not make a sparse archive")
			}
			wantContent(t, mustUnpack(t, []byte(archive)), "sparse", string(want))
		})
	}
}

func TestBadOwnersAreRefused(t *testing.T) {
	for _, uid := range []int{1<<32 - 1, 1 << 32} {
		_, err := unpack(t, roomy, Tar(t, File("a", "a").Owned(uid, 0)))
		WantCode(t, err, fault.ImageInvalid)
	}
}

func TestGarbageIsAnInvalidImage(t *testing.T) {
	whole := Tar(t, File("a", string(make([]byte, 10_000))))
	for name, content := range map[string][]byte{
		"noise":            bytes.Repeat([]byte("noise"), 1000),
		"a truncated file": whole[:5000],
		"a damaged header": append(bytes.Clone(whole[:100]), append([]byte("!!!!!!!!"), whole[108:]...)...),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := unpack(t, roomy, content)
			WantCode(t, err, fault.ImageInvalid)
		})
	}
}

func TestUnpackingStopsWhenCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	tree := layer.NewTree(t.TempDir(), layer.Limits{MaxBytes: 1 << 40})
	var header bytes.Buffer
	Must(t, tar.NewWriter(&header).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "endless", Size: 1 << 39, Mode: 0o644}))
	endless := io.MultiReader(&header, readerFunc(func(p []byte) (int, error) {
		cancel()
		return zeros{}.Read(p)
	}))
	if err := tree.Apply(ctx, endless); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
