package main

import (
	"errors"
	"net/netip"

	"bandsox.dev/agent/internal/cni"
	"bandsox.dev/agent/internal/slot"
)

// attach makes a slot whose way out is made by a CNI network, or leaves nothing of it behind.
func attach(plan slot.Plan, attachment cni.Attachment) (addresses []netip.Prefix, err error) {
	turn, err := attachment.Lock()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, turn.End()) }()
	if err := slot.Make(plan); err != nil {
		return nil, err
	}
	addresses, err = cni.Add(attachment)
	if err != nil {
		return nil, errors.Join(err, slot.Remove(plan.Netns, "", nil))
	}
	return addresses, nil
}

// detach takes back what attach made, as far as it came. Idempotent. The namespace goes last: it tells the plugins what
// to look for.
func detach(attachment cni.Attachment) (err error) {
	turn, err := attachment.Lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, turn.End()) }()
	if err := cni.Delete(attachment); err != nil {
		return err
	}
	return slot.Remove(attachment.Netns, "", nil)
}
