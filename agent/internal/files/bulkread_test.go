package files

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"bandsox.dev/agent/internal/dataframe"
	"bandsox.dev/agent/internal/fileerr"
	"golang.org/x/sys/unix"
)

// places are directories on a disk and on none, as far as this machine has both.
func places(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{"temporary directory": t.TempDir()}
	if memory, err := os.MkdirTemp("/dev/shm", "bandsox-test-"); err == nil {
		t.Cleanup(func() { os.RemoveAll(memory) })
		found["in memory"] = memory
	}
	return found
}

func TestLargeFilesAreReadWholeFromWhereverTheyAreAsked(t *testing.T) {
	whole := make([]byte, 3*bulkReadSize+12_345)
	rand.NewChaCha8([32]byte{}).Read(whole)
	for where, dir := range places(t) {
		name := filepath.Join(dir, "f")
		must(t, os.WriteFile(name, whole, 0o600)) // its pages are dirty
		c := open(t, name)
		for _, r := range [][2]int64{{0, -1}, {1, -1}, {4096, 2*bulkReadSize + 1}, {777, bulkFrom + 1}, {int64(len(whole)) - bulkFrom - 5, -1}} {
			end := int64(len(whole))
			if r[1] >= 0 {
				end = r[0] + r[1]
			}
			if got, err := read(t, c, r[0], r[1]); err != nil || !bytes.Equal([]byte(got), whole[r[0]:end]) {
				t.Errorf("%s, %v: %d bytes, %v", where, r, len(got), err)
			}
		}
		must(t, os.Truncate(name, 2*bulkReadSize+99))
		_, err := read(t, c, 0, -1)
		wantCode(t, where+": shorter meanwhile", err, fileerr.Changed)
	}
}

func TestWholeBlocksComeFromTheDiskItself(t *testing.T) {
	whole := bytes.Repeat([]byte("0123456789abcdef"), bulkReadSize/8)
	name := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(name, append(whole, "the end"...), 0o600))
	c := open(t, name)
	if !setDirect(c.fd, true) {
		t.Skip("the temporary directory is on no disk")
	}
	setDirect(c.fd, false)
	var out bytes.Buffer
	w := dataframe.NewWriter(&out)
	defer w.Release()
	sent, err := sendBulk(w, c.fd, 5, c.Size-5)
	if sent != int64(len(whole))-5 || err != nil {
		t.Errorf("%d of %d bytes, %v", sent, len(whole)-5, err)
	}
	if flags, _ := unix.FcntlInt(uintptr(c.fd), unix.F_GETFL, 0); flags&unix.O_DIRECT != 0 {
		t.Error("what follows would be read from the disk too")
	}
}

func TestLargeFilesAreReadAlsoWhenAllBuffersAreInUse(t *testing.T) {
	for range bulkReadLimit {
		bulkReadSlots <- struct{}{}
	}
	defer func() {
		for range bulkReadLimit {
			<-bulkReadSlots
		}
	}()
	whole := bytes.Repeat([]byte("0123456789abcdef"), bulkFrom/8)
	name := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(name, whole, 0o600))
	if got, err := read(t, open(t, name), 0, -1); err != nil || got != string(whole) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
