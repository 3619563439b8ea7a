package vmmemory

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestPunchZerosFreesBlocksAndKeepsContent(t *testing.T) {
	content := make([]byte, 5*punchSize+100)
	copy(content[2*punchSize:], "in the middle")
	content[len(content)-1] = 1
	path := filepath.Join(t.TempDir(), "memory")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	blocks := func() int64 {
		info, _ := file.Stat()
		return info.Sys().(*syscall.Stat_t).Blocks
	}
	before := blocks()
	if err := PunchZeros(file); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, content) {
		t.Error("the content changed")
	}
	if after := blocks(); after >= before {
		t.Errorf("%d blocks before, %d after", before, after)
	}
}
