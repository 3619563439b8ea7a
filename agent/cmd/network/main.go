// Command network makes, changes and removes the network slots of VMs: one JSON request on its standard input, one JSON
// answer on its output.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"

	"bandsox.dev/agent/internal/cni"
	"bandsox.dev/agent/internal/slot"
)

// requestLimit bounds a request, in bytes.
const requestLimit = 16 << 20

type request struct {
	Action    string          `json:"action"`
	Slot      slot.Plan       `json:"slot"`
	Netns     string          `json:"netns"`
	Link      string          `json:"link"`
	Rules     json.RawMessage `json:"rules"`
	HostRules json.RawMessage `json:"hostRules"`
	Forget    []netip.Addr    `json:"forget"`
	Devices   []string        `json:"devices"`
	CNI       cni.Attachment  `json:"cni"`
}

type answer struct {
	Error string `json:"error,omitempty"`
	Taken bool   `json:"taken,omitempty"`
	// Addresses are those that a CNI network has given
	Addresses []netip.Prefix `json:"addresses,omitempty"`
}

func main() {
	body, err := io.ReadAll(io.LimitReader(os.Stdin, requestLimit))
	var wanted request
	if err == nil {
		err = json.Unmarshal(body, &wanted)
	}
	var addresses []netip.Prefix
	if err == nil {
		addresses, err = act(wanted)
	}
	reply := answer{Taken: errors.Is(err, os.ErrExist), Addresses: addresses}
	if err != nil {
		reply.Error = err.Error()
	}
	json.NewEncoder(os.Stdout).Encode(reply)
	if err != nil {
		os.Exit(1)
	}
}

func act(wanted request) ([]netip.Prefix, error) {
	switch wanted.Action {
	case "make":
		return nil, slot.Make(wanted.Slot)
	case "probe":
		return nil, slot.Probe(wanted.Slot)
	case "apply":
		return nil, slot.Apply(wanted.Netns, wanted.Rules, wanted.Forget)
	case "reset":
		return nil, slot.Reset(wanted.Netns, wanted.Rules, wanted.Devices)
	case "remove":
		return nil, slot.Remove(wanted.Netns, wanted.Link, wanted.HostRules)
	case "attach":
		return attach(wanted.Slot, wanted.CNI)
	case "detach":
		return nil, detach(wanted.CNI)
	}
	return nil, fmt.Errorf("there is no action %q", wanted.Action)
}
