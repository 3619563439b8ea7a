package slot

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// A bucket holds what passes in this part of a second, at least one full-sized offloaded packet.
	burstsPerSecond = 50
	burstMin        = 128 << 10
	// What waits longer than this is dropped, so that a sender slows down.
	queueSeconds = 0.2
)

// Limit bounds what leaves through a device of the calling thread's namespace, in bits a second; 0 lifts the bound.
func Limit(device string, bitsPerSecond uint64) error {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return fmt.Errorf("find %s: %w", device, err)
	}
	attributes := netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT}
	if bitsPerSecond == 0 {
		err := netlink.QdiscDel(&netlink.GenericQdisc{QdiscAttrs: attributes, QdiscType: "tbf"})
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
			return nil // there is none
		}
		return err
	}
	rate := bitsPerSecond / 8
	burst := max(rate/burstsPerSecond, burstMin)
	bucket := &netlink.Tbf{
		QdiscAttrs: attributes, Rate: rate, Buffer: netlink.Xmittime(rate, uint32(burst)),
		Limit: uint32(burst) + uint32(float64(rate)*queueSeconds),
	}
	if err := netlink.QdiscReplace(bucket); err != nil {
		return fmt.Errorf("bound %s to %d bit/s: %w", device, bitsPerSecond, err)
	}
	return nil
}
