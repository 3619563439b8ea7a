package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"bandsox.dev/agent/internal/image/fault"
)

// namespaceMarker is set inside the namespace, so that a mapping which does not
// give us uid 0 is an error and not a loop.
const namespaceMarker = "BANDSOX_IMAGE_USERNS"

var unshareArgs = []string{"--user", "--map-root-user", "--map-auto", "--"}

// enterUserNamespace starts this program again, in this process, as root of a
// user namespace where the subordinate ids of the user are mapped, so that
// files can belong to whom the image says. It returns only on failure.
func enterUserNamespace(ctx context.Context) error {
	if os.Getenv(namespaceMarker) != "" {
		return denied("it did not make us root")
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return denied("unshare is not installed")
	}
	if output, err := exec.CommandContext(ctx, unshare, append(unshareArgs, "true")...).CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return denied(strings.TrimSpace(string(output)))
	}
	self, err := os.Executable()
	if err != nil {
		return fault.New(fault.Internal, "find this program: %w", err)
	}
	args := append(append([]string{"unshare"}, unshareArgs...), self)
	err = syscall.Exec(unshare, append(args, os.Args[1:]...), append(os.Environ(), namespaceMarker+"=1"))
	return fault.New(fault.Internal, "start %s: %w", unshare, err)
}

func denied(found string) error {
	return fault.New(fault.PermissionDenied,
		"unpack as uid %d: owners can only be kept as root or with a user namespace: %s; it needs newuidmap (package uidmap) and ranges in /etc/subuid and /etc/subgid",
		os.Geteuid(), found).With("uid", os.Geteuid())
}
