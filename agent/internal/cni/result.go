package cni

import (
	"fmt"
	"net/netip"

	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"
)

// addressesOf returns the addresses that a chain has given the interface: the first of each IP version, IPv4 always.
func addressesOf(result types.Result, ifName string) ([]netip.Prefix, error) {
	found, err := types100.NewResultFromResult(result)
	if err != nil {
		return nil, fmt.Errorf("read the chain's result: %w", err)
	}
	var v4, v6 []netip.Prefix
	for _, ip := range found.IPs {
		if !belongsTo(found, ip, ifName) {
			continue
		}
		address, ok := netip.AddrFromSlice(ip.Address.IP)
		if !ok {
			continue
		}
		bits, _ := ip.Address.Mask.Size()
		if address = address.Unmap(); address.Is4() {
			v4 = append(v4, netip.PrefixFrom(address, bits))
		} else {
			v6 = append(v6, netip.PrefixFrom(address, bits))
		}
	}
	if len(v4) == 0 {
		return nil, fmt.Errorf("the chain has given %s no IPv4 address", ifName)
	}
	return append(v4[:1], v6[:min(len(v6), 1)]...), nil
}

// belongsTo reports whether an address is the interface's: results need not say of which interface one is.
func belongsTo(found *types100.Result, ip *types100.IPConfig, ifName string) bool {
	if ip.Interface == nil || *ip.Interface < 0 || *ip.Interface >= len(found.Interfaces) {
		return true
	}
	device := found.Interfaces[*ip.Interface]
	return device.Sandbox != "" && device.Name == ifName
}
