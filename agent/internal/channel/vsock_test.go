package channel

import (
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAVsockConnectionHalfCloses(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	near, far := &vsockConn{os.NewFile(uintptr(fds[0]), "near")}, os.NewFile(uintptr(fds[1]), "far")
	defer near.Close()
	io.WriteString(near, "last")
	if err := near.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(far)
	if err != nil || string(got) != "last" {
		t.Errorf("got %q, %v", got, err)
	}
	io.WriteString(far, "still heard")
	far.Close()
	if got, err = io.ReadAll(near); err != nil || string(got) != "still heard" {
		t.Errorf("got %q, %v", got, err)
	}
}
