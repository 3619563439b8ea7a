package supervise

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bandsox.dev/agent/internal/slot"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestATapOfItsOwnNamespaceIsNotSeenOutside(t *testing.T) {
	requireRoot(t)
	tap := &Tap{Name: "bsxtest0", HandOver: ByDescriptor}
	file, err := tap.open()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := net.InterfaceByName("bsxtest0"); err == nil {
		t.Error("the device is in the host's namespace")
	}
	if _, err := file.Write(make([]byte, 10+60)); err != nil && !strings.Contains(err.Error(), "input/output") {
		t.Errorf("a frame cannot be written: %v", err) // EIO: the link is down
	}
}

func TestAVMMThatOpensItsTapByNameFindsItWhereItRuns(t *testing.T) {
	requireRoot(t)
	tap := &Tap{Name: "bsxtest0", HandOver: ByNamespace}
	var seen []byte
	follow := func() error { return tap.follow(0) }
	err := slot.Inside(follow, func() (err error) {
		seen, err = exec.Command("cat", "/proc/self/net/dev").Output()
		return err
	})
	if err != nil || !strings.Contains(string(seen), "bsxtest0") {
		t.Errorf("it sees %q, %v", seen, err)
	}
}

// A jailed VMM is another user than the one that made its device, and could not open it.
func TestAVMMsUserMayOpenItsTapAndTheUserBeforeMayNot(t *testing.T) {
	requireRoot(t)
	namespace := madeWithTap(t, "bsxtest0")
	for _, vmm := range []user{0x7000_0001, 0x7000_0002, 0} {
		tap := &Tap{Name: "bsxtest0", Netns: namespace, HandOver: ByNamespace}
		var link netlink.Link
		err := slot.Inside(func() error { return tap.follow(vmm) }, func() (err error) {
			link, err = netlink.LinkByName("bsxtest0")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if found := link.(*netlink.Tuntap); found.Owner != uint32(vmm) || found.Group != uint32(vmm) {
			t.Errorf("it is user %d's and group %d's, not %d's", found.Owner, found.Group, vmm)
		}
	}
}

// madeWithTap makes a network namespace with a TAP device as those of slots are made, and returns its path.
func madeWithTap(t *testing.T, name string) string {
	path := filepath.Join(t.TempDir(), "netns")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := slot.Inside(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() error {
		tap := &netlink.Tuntap{
			LinkAttrs: netlink.LinkAttrs{Name: name},
			Mode:      netlink.TUNTAP_MODE_TAP,
			Flags:     netlink.TUNTAP_NO_PI | netlink.TUNTAP_VNET_HDR,
		}
		return errors.Join(netlink.LinkAdd(tap), unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, ""))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(path, unix.MNT_DETACH) })
	return path
}

func TestATapThatCannotBeIsRefused(t *testing.T) {
	for _, tap := range []*Tap{{}, {Name: "a-name-that-is-too-long", HandOver: ByDescriptor}, {Name: "tap0", HandOver: "post"}} {
		if tap.validate() == nil {
			t.Errorf("%+v was taken", tap)
		}
	}
	if err := (&Tap{Name: "tap0", Netns: "/nowhere", HandOver: ByDescriptor}).enter(); err == nil {
		t.Error("a namespace that is not there was entered")
	}
}

func requireRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("network devices need root")
	}
}
