package tree

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/fileerr"
)

// archiveOf is an archive of headers; files contain "evil".
func archiveOf(headers ...tar.Header) *bytes.Buffer {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, header := range headers {
		if header.Typeflag == 0 {
			header.Typeflag = tar.TypeReg
		}
		if header.Typeflag == tar.TypeReg {
			header.Size = 4
		}
		if header.Mode == 0 {
			header.Mode = 0o777
		}
		if err := w.WriteHeader(&header); err != nil {
			panic(err)
		}
		if header.Typeflag == tar.TypeReg {
			io.WriteString(w, "evil")
		}
	}
	w.Close()
	return &archive
}

func file(name string) tar.Header { return tar.Header{Name: name} }
func dir(name string) tar.Header  { return tar.Header{Name: name, Typeflag: tar.TypeDir} }
func link(name, target string) tar.Header {
	return tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeSymlink}
}
func hard(name, target string) tar.Header {
	return tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeLink}
}

// attacks each try to reach `../outside` or the machine's /etc.
var attacks = map[string][]tar.Header{
	"a name with ..":                    {file("../outside/x")},
	"a name with .. inside":             {file("a/../../outside/x")},
	"the parent itself":                 {dir("..")},
	"an absolute name":                  {file("/etc/bandsox-escape")},
	"a symlink":                         {link("s", "../outside"), file("s/x")},
	"a symlink and a new directory":     {link("s", "../outside"), file("s/new/x")},
	"an absolute symlink":               {link("s", "/etc"), file("s/bandsox-escape")},
	"a chain of symlinks":               {link("b", "../.."), link("a", "b/to"), file("a/outside/x")},
	"a loop of symlinks":                {link("a", "b"), link("b", "a"), file("a/x")},
	"a magic link":                      {link("s", "/proc/self/root"), file("s/etc/bandsox-escape")},
	"a hard link to ..":                 {hard("h", "../outside/keep")},
	"an absolute hard link":             {hard("h", "/etc/passwd")},
	"a hard link through a symlink":     {link("s", "../outside"), hard("h", "s/keep")},
	"a hard link to nothing":            {hard("h", "none")},
	"a hard link to a directory":        {dir("d"), hard("h", "d")},
	"a symlink over the open directory": {file("d/x"), link("d/l", "../../outside"), file("d/l/x")},
	"a symlinked directory of a link":   {link("s", "../outside"), link("s/l", "/")},
	"an unknown type":                   {{Name: "x", Typeflag: 'Z'}},
}

func prepare(t *testing.T) (to, outside string) {
	base := t.TempDir()
	to, outside = base+"/to", base+"/outside"
	must(t, os.Mkdir(to, 0o755))
	write(t, outside+"/keep", "kept")
	must(t, os.Chmod(outside+"/keep", 0o600))
	return to, outside
}

func TestNothingEscapesTheTarget(t *testing.T) {
	for name, headers := range attacks {
		for _, replace := range []bool{false, true} {
			to, outside := prepare(t)
			before := describe(t, outside)
			_, err := Unpack(Target{Root: to, Replace: replace, KeepOwners: replace}, archiveOf(headers...))
			wantCode(t, name, err, fileerr.ArchiveInvalid)
			if after := describe(t, outside); after != before {
				t.Errorf("%s: outside was\n%s and is\n%s", name, before, after)
			}
			if _, err := os.Lstat("/etc/bandsox-escape"); err == nil {
				os.Remove("/etc/bandsox-escape")
				t.Errorf("%s: /etc is written", name)
			}
		}
	}
}

func TestWritingOverALinkReplacesIt(t *testing.T) {
	to, outside := prepare(t)
	before := describe(t, outside)
	for name, headers := range map[string][]tar.Header{
		"a file":                  {link("f", "../outside/keep"), file("f")},
		"a directory":             {link("d", "../outside"), dir("d"), file("d/x")},
		"a file by a hard link":   {link("l", "../outside/keep"), hard("h", "l"), file("h")},
		"a link itself":           {link("l2", "a"), link("l2", "../outside")},
		"a second name of itself": {file("g"), hard("g2", "g"), hard("g2", "g"), file("g2")},
	} {
		if _, err := Unpack(Target{Root: to, Replace: true}, archiveOf(headers...)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := describe(t, outside); after != before {
		t.Errorf("outside was\n%s and is\n%s", before, after)
	}
	if strings.Contains(describe(t, to), "bsx-upload") {
		t.Errorf("left:\n%s", describe(t, to))
	}
}

func TestLinksInsideTheTargetAreFollowed(t *testing.T) {
	to, _ := prepare(t)
	_, err := Unpack(Target{Root: to}, archiveOf(dir("usr"), dir("usr/lib"), link("lib", "usr/lib"), file("lib/x"), link("usr/up", "../usr/lib"), file("usr/up/y")))
	must(t, err)
	for _, name := range []string{"/usr/lib/x", "/usr/lib/y"} {
		if _, err := os.Stat(to + name); err != nil {
			t.Error(err)
		}
	}
}

func TestArchivesThatAreNone(t *testing.T) {
	whole := archiveOf(file("a"), file("b")).Bytes()
	for name, archive := range map[string][]byte{
		"text":        bytes.Repeat([]byte("hello"), 300),
		"cut":         whole[:len(whole)-1024-700],
		"more":        append(bytes.Clone(whole), 1),
		"huge header": hugeHeader(),
		"sparse":      sparse(),
	} {
		to, _ := prepare(t)
		_, err := Unpack(Target{Root: to}, bytes.NewReader(archive))
		wantCode(t, name, err, fileerr.ArchiveInvalid)
		if strings.Contains(describe(t, to), "\nb ") && name != "more" {
			t.Errorf("%s: a file that is not complete is there:\n%s", name, describe(t, to))
		}
	}
}

// hugeHeader announces a PAX header of 8 GiB.
func hugeHeader() []byte {
	archive := archiveOf(tar.Header{Name: "a", PAXRecords: map[string]string{"BANDSOX.x": "y"}}).Bytes()
	copy(archive[124:136], "77777777777\x00")
	copy(archive[148:156], "        ")
	sum := 0
	for _, b := range archive[:512] {
		sum += int(b)
	}
	copy(archive[148:156], []byte{'0' + byte(sum>>15&7), '0' + byte(sum>>12&7), '0' + byte(sum>>9&7), '0' + byte(sum>>6&7), '0' + byte(sum>>3&7), '0' + byte(sum&7), 0, ' '})
	return archive
}

// sparse says that four bytes are a file of 1 TiB.
func sparse() []byte {
	archive := archiveOf(tar.Header{Name: "a", PAXRecords: map[string]string{
		"BSX.sparse.major": "0", "BSX.sparse.minor": "1", "BSX.sparse.name": "a", "BSX.sparse.size": "1099511627776",
		"BSX.sparse.numblocks": "1", "BSX.sparse.map": "0,4",
	}}).Bytes()
	return bytes.ReplaceAll(archive, []byte("BSX.sparse"), []byte("GNU.sparse"))
}

func TestABrokenTransferIsNotTheArchivesFault(t *testing.T) {
	to, _ := prepare(t)
	frames := dataframe.Append(nil, dataframe.KindData, archiveOf(file("a"), file("b")).Bytes()[:1538])
	r := dataframe.NewReader(bytes.NewReader(frames))
	defer r.Release()
	if _, err := Unpack(Target{Root: to}, r); !errors.Is(err, dataframe.ErrBroken) {
		t.Errorf("got %v", err)
	}
	if got := describe(t, to); !strings.Contains(got, "\na ") || strings.Contains(got, "\nb ") {
		t.Errorf("got:\n%s", got)
	}
}

// FuzzUnpack: nothing beside the target changes, whatever the archive is.
func FuzzUnpack(f *testing.F) {
	for _, headers := range attacks {
		f.Add(archiveOf(headers...).Bytes(), true)
	}
	f.Add(sparse(), false)
	f.Add(hugeHeader(), false)
	f.Fuzz(func(t *testing.T, archive []byte, trusted bool) {
		if len(archive) > 1<<20 {
			return
		}
		to, outside := prepare(t)
		before := describe(t, outside)
		Unpack(Target{Root: to, Replace: trusted, KeepOwners: trusted}, bytes.NewReader(archive))
		if after := describe(t, outside); after != before {
			t.Errorf("outside was\n%s and is\n%s", before, after)
		}
		if around, _ := os.ReadDir(outside + "/.."); len(around) != 2 {
			t.Errorf("beside the target: %v", around)
		}
		if _, err := os.Lstat("/etc/bandsox-escape"); err == nil {
			t.Error("/etc is written")
		}
	})
}
