package slot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrTaken refuses a slot whose names are another's.
var ErrTaken = fmt.Errorf("is another's: %w", os.ErrExist)

// applyRules hands nft one transaction: all of it holds, or nothing. It changes the calling thread's namespace.
func applyRules(rules json.RawMessage) error {
	if len(rules) == 0 || string(rules) == "null" {
		return nil
	}
	command := exec.Command("nft", "-j", "-f", "-")
	command.Stdin = bytes.NewReader(rules)
	command.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"}
	output, err := command.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("nft is not installed (package nftables)")
	}
	if err != nil {
		return fmt.Errorf("nft refused the rules: %s: %w", firstLine(output), err)
	}
	return nil
}

func firstLine(output []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(output)), "\n")
	return line
}

// Apply changes a namespace's rules, the host's where netns is "". With forget, connections that the guest has opened
// are judged anew by their next packet.
func Apply(netns string, rules json.RawMessage, forget []netip.Addr) error {
	work := func() error {
		if err := applyRules(rules); err != nil {
			return err
		}
		return forgetConnections(forget)
	}
	if netns == "" {
		return work()
	}
	return Inside(func() error { return Enter(netns) }, work)
}

func forgetConnections(guest []netip.Addr) error {
	for _, address := range guest {
		filter := &netlink.ConntrackFilter{}
		if err := filter.AddIP(netlink.ConntrackOrigSrcIP, net.IP(address.AsSlice())); err != nil {
			return err
		}
		family := netlink.InetFamily(unix.AF_INET)
		if address.Is6() {
			family = unix.AF_INET6
		}
		if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, family, filter); err != nil {
			return fmt.Errorf("judge the guest's connections anew: %w", err)
		}
	}
	return nil
}

// Reset makes a slot as it was when it was made, for another guest: rules are the whole of its rules.
func Reset(netns string, rules json.RawMessage, devices []string) error {
	return Inside(func() error { return Enter(netns) }, func() error {
		for _, device := range devices {
			if err := Limit(device, 0); err != nil {
				return err
			}
		}
		if err := applyRules(rules); err != nil {
			return err
		}
		return netlink.ConntrackTableFlush(netlink.ConntrackTable)
	})
}

// Remove removes a slot: its cable, its namespace's name and, by rules, what the host's namespace has for it.
// Idempotent.
func Remove(netns, link string, hostRules json.RawMessage) error {
	var failed error
	if link != "" {
		if cable, err := netlink.LinkByName(link); err == nil {
			failed = netlink.LinkDel(cable)
		} else if !errors.As(err, new(netlink.LinkNotFoundError)) {
			failed = err
		}
	}
	return errors.Join(failed, applyRules(hostRules), removeNamespace(netns))
}
