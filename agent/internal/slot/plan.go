package slot

import (
	"encoding/json"
	"errors"
	"net"
	"net/netip"
)

// Family is the addresses of one IP version. Prefixes carry the device's own address.
type Family struct {
	Gateway netip.Prefix `json:"gateway"` // of the TAP device, the same in every slot
	Guest   netip.Addr   `json:"guest"`   // the same in every slot
	Host    netip.Prefix `json:"host"`    // of the cable's end in the host's namespace
	Outside netip.Prefix `json:"outside"` // of its other end
}

// Plan is one slot.
type Plan struct {
	Netns      string          `json:"netns"` // path of the namespace
	Link       string          `json:"link"`  // name of the cable's end in the host's namespace; "": there is no cable
	Uplink     string          `json:"uplink"`
	Tap        string          `json:"tap"`
	GatewayMAC string          `json:"gatewayMac"`
	GuestMAC   string          `json:"guestMac"`
	MTU        int             `json:"mtu"`
	V4         Family          `json:"v4"`
	V6         *Family         `json:"v6"`        // nil: the slot has no IPv6 outside
	Rules      json.RawMessage `json:"rules"`     // for nft, in the slot's namespace
	HostRules  json.RawMessage `json:"hostRules"` // for nft, in the host's
}

func (p Plan) validate() error {
	switch {
	case p.Netns == "" || p.Uplink == "" || p.Tap == "":
		return errors.New("netns, uplink and tap must be named")
	case p.Link == "" && p.V4.Outside.IsValid():
		return errors.New("a cable must be named")
	case !p.V4.Gateway.IsValid() || !p.V4.Guest.IsValid():
		return errors.New("v4 needs a gateway and a guest")
	}
	_, err := net.ParseMAC(p.GatewayMAC)
	if err == nil {
		_, err = net.ParseMAC(p.GuestMAC)
	}
	return err
}

// families are those with a way out.
func (p Plan) families() []Family {
	var all []Family
	for _, family := range []*Family{&p.V4, p.V6} {
		if family != nil && family.Outside.IsValid() {
			all = append(all, *family)
		}
	}
	return all
}

// inside are those of the guest's side.
func (p Plan) inside() []Family {
	if p.V6 == nil {
		return []Family{p.V4}
	}
	return []Family{p.V4, *p.V6}
}
