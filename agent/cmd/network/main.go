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
}

type answer struct {
	Error string `json:"error,omitempty"`
	Taken bool   `json:"taken,omitempty"`
}

func main() {
	body, err := io.ReadAll(io.LimitReader(os.Stdin, requestLimit))
	var wanted request
	if err == nil {
		err = json.Unmarshal(body, &wanted)
	}
	if err == nil {
		err = act(wanted)
	}
	reply := answer{Taken: errors.Is(err, os.ErrExist)}
	if err != nil {
		reply.Error = err.Error()
	}
	json.NewEncoder(os.Stdout).Encode(reply)
	if err != nil {
		os.Exit(1)
	}
}

func act(wanted request) error {
	switch wanted.Action {
	case "make":
		return slot.Make(wanted.Slot)
	case "probe":
		return slot.Probe(wanted.Slot)
	case "apply":
		return slot.Apply(wanted.Netns, wanted.Rules, wanted.Forget)
	case "reset":
		return slot.Reset(wanted.Netns, wanted.Rules, wanted.Devices)
	case "remove":
		return slot.Remove(wanted.Netns, wanted.Link, wanted.HostRules)
	}
	return fmt.Errorf("there is no action %q", wanted.Action)
}
