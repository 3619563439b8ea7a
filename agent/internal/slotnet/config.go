// Package slotnet serves a guest's network on the host while the guest runs: it answers names, as far as the policy
// allows, opens the addresses it answered with, and writes down what was decided. It trusts neither the guest nor the
// name servers.
package slotnet

import (
	"errors"
	"net/netip"
	"strings"
)

// Config is one guest's network.
type Config struct {
	Netns    string           `json:"netns"`    // path of its namespace; "": it has none of its own, and is reached by the agent alone
	Listen   []netip.AddrPort `json:"listen"`   // where the guest asks for names
	Table    string           `json:"table"`    // nft table of the namespace, of the family inet
	LogGroup uint16           `json:"logGroup"` // where the kernel tells decisions
	Log      string           `json:"log"`      // file they are written to
	Names    NamePolicy       `json:"names"`
	// Hosts is a file with the names of VMs in shared private networks; "": there are none
	Hosts string `json:"hosts"`
	// Ports of this host that lead into the guest
	Ports []Port `json:"ports"`
	// Limits is the most that may leave by each device of the namespace, in bits a second
	Limits map[string]uint64 `json:"limits"`
}

// NamePolicy says which names are answered.
type NamePolicy struct {
	Rules   []NameRule     `json:"rules"`  // the first that fits decides
	Preset  string         `json:"preset"` // decides where none does: all names but with `none`
	HasIPv6 bool           `json:"hasIpv6"`
	Refused []netip.Prefix `json:"refused"` // addresses no name may lead to,
	Allowed []netip.Prefix `json:"allowed"` // but these
}

// NameRule is about a domain.
type NameRule struct {
	Name       string `json:"name"`
	Subdomains bool   `json:"subdomains"` // also about what is below it
	Verdict    string `json:"verdict"`
	Label      string `json:"label"` // what the log calls it
	Set        string `json:"set"`   // begins the names of the sets that hold its addresses, one an IP version
}

const (
	allow = "allow"
	deny  = "deny"
)

// Validate says what is wrong with a configuration.
func (c *Config) Validate() error {
	switch {
	case c == nil:
		return nil
	case c.Netns == "" && len(c.Ports) > 0:
		return nil
	case c.Netns == "" || c.Table == "" || c.Log == "":
		return errors.New("network: netns, table and log are required")
	case len(c.Listen) == 0:
		return errors.New("network: there is nowhere to listen")
	}
	return nil
}

// decide returns who decides about a name, in lower case and without a final dot, and how.
func (p NamePolicy) decide(name string) NameRule {
	for _, rule := range p.Rules {
		if name == rule.Name && !rule.Subdomains || rule.Subdomains && below(name, rule.Name) {
			return rule
		}
	}
	verdict := allow
	if p.Preset == "none" {
		verdict = deny
	}
	return NameRule{Verdict: verdict, Label: p.Preset}
}

func below(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// leadsTo reports whether a name may have this address.
func (p NamePolicy) leadsTo(address netip.Addr, host func(netip.Addr) bool) bool {
	within := func(all []netip.Prefix) bool {
		for _, prefix := range all {
			if prefix.Contains(address) {
				return true
			}
		}
		return false
	}
	isRefused := within(p.Refused) || len(p.Refused) > 0 && host(address)
	return !isRefused || within(p.Allowed)
}
