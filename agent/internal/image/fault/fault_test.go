package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"bandsox.dev/agent/internal/image/fault"
)

func TestFromFindsTheCode(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		want fault.Code
	}{
		"wrapped":     {fmt.Errorf("outer: %w", fault.New(fault.ImageInvalid, "inner")), fault.ImageInvalid},
		"canceled":    {fmt.Errorf("outer: %w", context.Canceled), fault.Interrupted},
		"full disk":   {&fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, fault.DiskFull},
		"quota":       {&os.SyscallError{Syscall: "write", Err: syscall.EDQUOT}, fault.DiskFull},
		"permission":  {&os.LinkError{Op: "link", Err: syscall.EACCES}, fault.PermissionDenied},
		"anything":    {errors.New("anything"), fault.Internal},
		"not allowed": {syscall.EPERM, fault.PermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fault.From(row.err).Code; got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}

func TestFileNamesThePathOnce(t *testing.T) {
	_, err := os.Open("/does/not/exist")
	got := fault.File("open", "/does/not/exist", err)
	if got.Message != "open /does/not/exist: no such file or directory" || !errors.Is(got, fs.ErrNotExist) {
		t.Errorf("got %q", got.Message)
	}
}

func TestWrapKeepsCodeAndDetails(t *testing.T) {
	got := fault.Wrap(fault.New(fault.DiskFull, "no space").With("path", "/x"), "layer %d", 3)
	if got.Code != fault.DiskFull || got.Message != "layer 3: no space" || got.Details["path"] != "/x" {
		t.Errorf("got %+v", got)
	}
}
