package boot

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func openPty(t *testing.T) (host, guest *os.File) {
	t.Helper()
	host, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	if err := unix.IoctlSetPointerInt(int(host.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(host.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	guest, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { host.Close(); guest.Close() })
	return host, guest
}

func TestARawLinePassesEveryByteBothWays(t *testing.T) {
	host, guest := openPty(t)
	line := &Serial{}
	line.file.Store(guest)
	if err := line.MakeRaw(); err != nil {
		t.Fatal(err)
	}
	for direction, ends := range map[string][2]*os.File{"to the guest": {host, guest}, "to the host": {guest, host}} {
		for b := range 256 {
			got := []byte{0, 0}
			ends[0].Write([]byte{byte(b)})
			if n, err := ends[1].Read(got); n != 1 || got[0] != byte(b) || err != nil {
				t.Fatalf("%s: %d became %v, %v", direction, b, got[:n], err)
			}
		}
	}
}
