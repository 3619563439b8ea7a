package supervise

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"bandsox.dev/agent/internal/slot"
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
	err := slot.Inside(tap.follow, func() (err error) {
		seen, err = exec.Command("cat", "/proc/self/net/dev").Output()
		return err
	})
	if err != nil || !strings.Contains(string(seen), "bsxtest0") {
		t.Errorf("it sees %q, %v", seen, err)
	}
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
