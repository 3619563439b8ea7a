package vmmemory

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestACopyGoesToAnotherFileSystemToo: between two of them the kernel does not copy by itself.
func TestACopyGoesToAnotherFileSystemToo(t *testing.T) {
	there, err := os.MkdirTemp("/dev/shm", "bandsox-test-")
	if err != nil {
		t.Skipf("no other file system: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(there) })
	here := t.TempDir()
	if device(t, here) == device(t, there) {
		t.Skip("no other file system: /dev/shm is the one of temporary files")
	}
	source, err := os.Create(filepath.Join(here, "source"))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	source.WriteAt([]byte("begin"), 0)
	source.WriteAt([]byte("end"), 16<<20)
	copy, err := os.Create(filepath.Join(there, "copy"))
	if err != nil {
		t.Fatal(err)
	}
	defer copy.Close()
	if err := CopySparse(copy, source); err != nil {
		t.Fatal(err)
	}
	want, _ := os.ReadFile(source.Name())
	got, _ := os.ReadFile(copy.Name())
	if string(got) != string(want) {
		t.Errorf("got %d bytes of %d", len(got), len(want))
	}
	var found syscall.Stat_t
	if err := syscall.Stat(copy.Name(), &found); err != nil || found.Blocks*512 > 1<<20 {
		t.Errorf("it takes %d bytes, %v", found.Blocks*512, err)
	}
}

func device(t *testing.T, path string) uint64 {
	t.Helper()
	var found syscall.Stat_t
	if err := syscall.Stat(path, &found); err != nil {
		t.Fatal(err)
	}
	return uint64(found.Dev)
}
