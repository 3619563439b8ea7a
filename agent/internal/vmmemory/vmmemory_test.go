package vmmemory

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func makeFile(t *testing.T, size int64) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "memory"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if err := file.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestACopyOfTheFileWithTheOwnPagesIsTheMemory(t *testing.T) {
	const pages = 1000
	file := makeFile(t, pages*pageSize)
	file.WriteAt(bytes.Repeat([]byte("base"), pageSize/4*10), 5*pageSize)
	memory, err := unix.Mmap(int(file.Fd()), 0, pages*pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(memory)
	for _, page := range []int{0, 7, 8, 500, 999} {
		copy(memory[page*pageSize+10:], "changed")
	}
	clear(memory[9*pageSize : 10*pageSize]) // becomes zero where the file is not
	var sum byte
	for page := 100; page < 200; page++ { // reading makes no page our own
		sum += memory[page*pageSize]
	}
	mapping, err := FindMapping(os.Getpid(), file)
	if err != nil {
		t.Fatal(err)
	}
	destination := makeFile(t, 0)
	if err := CopySparse(destination, file); err != nil {
		t.Fatal(err)
	}
	written, err := WriteOwnPages(mapping, destination)
	if err != nil || written != 6*pageSize {
		t.Errorf("wrote %d bytes: %v", written, err)
	}
	saved, err := os.ReadFile(destination.Name())
	if err != nil || !bytes.Equal(saved, memory) {
		t.Errorf("the copy differs (%d bytes): %v %d", len(saved), err, sum)
	}
}

func TestASparseFileStaysSparse(t *testing.T) {
	source, destination := makeFile(t, 64<<20), makeFile(t, 0)
	source.WriteAt([]byte("x"), 32<<20)
	if err := CopySparse(destination, source); err != nil {
		t.Fatal(err)
	}
	var stat unix.Stat_t
	unix.Fstat(int(destination.Fd()), &stat)
	if stat.Size != 64<<20 || stat.Blocks*512 > 1<<20 {
		t.Errorf("%d bytes in %d blocks", stat.Size, stat.Blocks)
	}
	if saved, _ := os.ReadFile(destination.Name()); saved[32<<20] != 'x' {
		t.Error("the data is not there")
	}
}

func TestAMappingIsWholeOrRefused(t *testing.T) {
	for name, c := range map[string]struct{ maps, want string }{
		"absent": {"7f00-8f00 rw-p 00000000 fe:00 9 /x\n", "not mapped"},
		"pieces": {"1000-2000 rw-p 0 fe:00 5 /x\n3000-4000 rw-p 0 fe:00 5 /x\n", "in pieces"},
		"broken": {"zz-2000 rw-p 0 fe:00 5 /x\n", "invalid syntax"},
	} {
		if _, err := parseMaps(strings.NewReader(c.maps), 5); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	cut := "1000-2000 rw-p 0 fe:00 5 /x\n2000-4000 r--p 0 fe:00 5 /x (deleted)\n"
	if got, err := parseMaps(strings.NewReader(cut), 5); err != nil || got.Start != 0x1000 || got.Size != 0x3000 {
		t.Errorf("got %+v %v", got, err)
	}
}
