package machine

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Network is the machine's place in its network. It is the same in every machine, so that one that goes on from a save
// of another has nothing to change.
type Network struct {
	MAC        string       `json:"mac"` // names the device
	MTU        int          `json:"mtu"`
	GatewayMAC string       `json:"gatewayMac"` // "": it is asked for
	IPv4       *NetworkHalf `json:"ipv4"`
	IPv6       *NetworkHalf `json:"ipv6"`
	// Nameservers go to /etc/resolv.conf, in this order
	Nameservers []netip.Addr `json:"nameservers"`
}

// NetworkHalf is the addresses of one IP version.
type NetworkHalf struct {
	Address netip.Prefix `json:"address"` // of the machine, with the length of its network
	Gateway netip.Addr   `json:"gateway"`
}

func (n *Network) validate() error {
	if n == nil {
		return nil
	}
	if _, err := net.ParseMAC(n.MAC); err != nil {
		return fmt.Errorf("network.mac: %w", err)
	}
	if n.MTU < 576 || n.MTU > 65535 {
		return fmt.Errorf("network.mtu must be 576 to 65535, it is %d", n.MTU)
	}
	if n.IPv4 == nil && n.IPv6 == nil {
		return errors.New("network needs ipv4 or ipv6")
	}
	for _, half := range []*NetworkHalf{n.IPv4, n.IPv6} {
		if half != nil && (!half.Address.IsValid() || !half.Gateway.IsValid()) {
			return errors.New("network: an address and a gateway are required")
		}
	}
	return nil
}

// connect gives the machine's device its addresses and makes it the way to everywhere.
func (n *Network) connect() error {
	link, err := deviceOf(n.MAC)
	if err != nil {
		return err
	}
	name := link.Attrs().Name
	for _, setting := range []string{"accept_ra", "accept_dad", "autoconf"} { // what is there is all there is
		os.WriteFile(filepath.Join("/proc/sys/net/ipv6/conf", name, setting), []byte("0"), 0)
	}
	if err := netlink.LinkSetMTU(link, n.MTU); err != nil {
		return fmt.Errorf("the MTU of %s: %w", name, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("raise %s: %w", name, err)
	}
	for _, half := range []*NetworkHalf{n.IPv4, n.IPv6} {
		if half == nil {
			continue
		}
		if err := half.connect(link, n.GatewayMAC); err != nil && half == n.IPv4 {
			return err
		} // a kernel may lack IPv6
	}
	return nil
}

func (h *NetworkHalf) connect(link netlink.Link, gatewayMAC string) error {
	name := link.Attrs().Name
	address := &netlink.Addr{IPNet: &net.IPNet{
		IP: h.Address.Addr().AsSlice(), Mask: net.CIDRMask(h.Address.Bits(), h.Address.Addr().BitLen()),
	}}
	if h.Address.Addr().Is6() {
		address.Flags = unix.IFA_F_NODAD
	}
	if err := netlink.AddrReplace(link, address); err != nil {
		return fmt.Errorf("the address of %s: %w", name, err)
	}
	if gatewayMAC != "" {
		mac, err := net.ParseMAC(gatewayMAC)
		if err != nil {
			return err
		}
		// It is known for good: the first packet after a restore waits for nothing.
		err = netlink.NeighSet(&netlink.Neigh{
			LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT, IP: h.Gateway.AsSlice(), HardwareAddr: mac,
		})
		if err != nil {
			return fmt.Errorf("the gateway of %s: %w", name, err)
		}
	}
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Gw: h.Gateway.AsSlice()}
	if err := netlink.RouteReplace(route); err != nil {
		return fmt.Errorf("the route by %s: %w", name, err)
	}
	return nil
}

func deviceOf(mac string) (netlink.Link, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("look for the network device: %w", err)
	}
	for _, link := range links {
		if strings.EqualFold(link.Attrs().HardwareAddr.String(), mac) {
			return link, nil
		}
	}
	return nil, fmt.Errorf("the machine has no network device %s: its kernel may lack virtio-net", mac)
}

// resolvConf is what /etc/resolv.conf says. Many images have a link there, to what an init would write.
func (n *Network) resolvConf(log Log) {
	var content strings.Builder
	for _, server := range n.Nameservers {
		fmt.Fprintf(&content, "nameserver %s\n", server)
	}
	const path = "/etc/resolv.conf"
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink != 0 {
		if err := os.Remove(path); err != nil {
			log.Printf("not written: %v", err)
			return
		}
	}
	if err := writePlain(path, content.String()); err != nil {
		log.Printf("not written: %v", err)
	}
}
