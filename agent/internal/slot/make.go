package slot

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Make prepares a slot, or leaves nothing of it behind.
func Make(plan Plan) error {
	if err := plan.validate(); err != nil {
		return err
	}
	host, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return err
	}
	defer host.Close()
	err = Inside(func() error { return makeNamespace(plan.Netns) }, func() error {
		return furnish(plan, int(host.Fd()))
	})
	if err == nil {
		err = connectHost(plan)
	}
	if err == nil {
		return nil
	}
	// What is there already is another's; everything else is ours.
	if errors.Is(err, os.ErrExist) {
		return err
	}
	return errors.Join(err, Remove(plan.Netns, plan.Link, nil))
}

// Probe makes all that a slot consists of in a namespace, where both ends of the cable stay, and removes it.
func Probe(plan Plan) error {
	if err := plan.validate(); err != nil {
		return err
	}
	err := Inside(func() error { return makeNamespace(plan.Netns) }, func() error {
		cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: plan.Uplink, MTU: plan.MTU}, PeerName: plan.Link}
		if err := netlink.LinkAdd(cable); err != nil {
			return fmt.Errorf("make the link %s: %w", plan.Link, err)
		}
		return furnish(plan, -1)
	})
	if errors.Is(err, os.ErrExist) {
		return err
	}
	return errors.Join(err, Remove(plan.Netns, "", nil))
}

// furnish gives the namespace of the calling thread its devices, addresses and rules.
func furnish(plan Plan, host int) error {
	if err := configure(plan); err != nil {
		return err
	}
	if plan.V4.Outside.IsValid() {
		if err := makeCable(plan, host); err != nil {
			return err
		}
	}
	if err := makeTap(plan); err != nil {
		return err
	}
	return applyRules(plan.Rules)
}

// configure lets the namespace forward, and keeps its kernel from configuring itself.
func configure(plan Plan) error {
	settings := []struct{ path, value string }{
		{"ipv4/ip_forward", "1"},
		{"ipv4/conf/default/rp_filter", "0"},
		{"ipv6/conf/default/accept_ra", "0"},
		{"ipv6/conf/default/accept_dad", "0"},
		{"ipv6/conf/default/addr_gen_mode", "1"},
		{"ipv6/conf/all/forwarding", "1"},
		// A connection whose entry was removed is judged anew by its next packet.
		{"netfilter/nf_conntrack_tcp_loose", "1"},
	}
	for _, setting := range settings {
		err := os.WriteFile("/proc/sys/net/"+setting.path, []byte(setting.value), 0)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return raise("lo")
}

// makeCable connects the namespace with the host's.
func makeCable(plan Plan, host int) error {
	cable := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: plan.Uplink, MTU: plan.MTU},
		PeerName:      plan.Link,
		PeerNamespace: netlink.NsFd(host),
	}
	if err := netlink.LinkAdd(cable); err != nil {
		if errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("the link %s: %w", plan.Link, ErrTaken)
		}
		return fmt.Errorf("make the link %s: %w", plan.Link, err)
	}
	for _, family := range plan.families() {
		if err := addAddress(plan.Uplink, family.Outside); err != nil {
			return err
		}
	}
	if err := raise(plan.Uplink); err != nil {
		return err
	}
	link, err := netlink.LinkByName(plan.Uplink)
	if err != nil {
		return err
	}
	for _, family := range plan.families() {
		gateway := net.IP(family.Host.Addr().AsSlice())
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: gateway}); err != nil {
			return fmt.Errorf("the default route by %s: %w", gateway, err)
		}
	}
	return nil
}

// makeTap makes the guest's side. The guest's address is known to be its device's: nothing waits for it to be asked.
func makeTap(plan Plan) error {
	tap := &netlink.Tuntap{
		LinkAttrs: netlink.LinkAttrs{Name: plan.Tap, MTU: plan.MTU},
		Mode:      netlink.TUNTAP_MODE_TAP,
		Flags:     netlink.TUNTAP_NO_PI | netlink.TUNTAP_VNET_HDR,
	}
	if err := netlink.LinkAdd(tap); err != nil {
		return fmt.Errorf("make the TAP device %s: %w", plan.Tap, err)
	}
	link, err := netlink.LinkByName(plan.Tap)
	if err != nil {
		return err
	}
	ours, err := net.ParseMAC(plan.GatewayMAC)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetHardwareAddr(link, ours); err != nil {
		return fmt.Errorf("the address of %s: %w", plan.Tap, err)
	}
	if err := netlink.LinkSetMTU(link, plan.MTU); err != nil {
		return fmt.Errorf("the MTU of %s: %w", plan.Tap, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("raise %s: %w", plan.Tap, err)
	}
	theirs, err := net.ParseMAC(plan.GuestMAC)
	if err != nil {
		return err
	}
	for _, family := range plan.inside() {
		if err := addAddress(plan.Tap, family.Gateway); err != nil {
			return err
		}
		neighbour := &netlink.Neigh{
			LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT,
			IP: family.Guest.AsSlice(), HardwareAddr: theirs,
		}
		if err := netlink.NeighSet(neighbour); err != nil {
			return fmt.Errorf("the guest's address on %s: %w", plan.Tap, err)
		}
	}
	return nil
}

// connectHost prepares the host's end. The calling thread is in the host's namespace.
func connectHost(plan Plan) error {
	if !plan.V4.Host.IsValid() {
		return nil
	}
	for _, family := range plan.families() {
		if err := addAddress(plan.Link, family.Host); err != nil {
			return err
		}
	}
	if err := applyRules(plan.HostRules); err != nil {
		return err
	}
	return raise(plan.Link)
}

func raise(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find %s: %w", name, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("raise %s: %w", name, err)
	}
	return nil
}

func addAddress(name string, prefix netip.Prefix) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find %s: %w", name, err)
	}
	address := &netlink.Addr{IPNet: &net.IPNet{
		IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen()),
	}}
	if prefix.Addr().Is6() {
		address.Flags = unix.IFA_F_NODAD
	}
	if err := netlink.AddrAdd(link, address); err != nil {
		return fmt.Errorf("the address %s of %s: %w", prefix, name, err)
	}
	return nil
}
