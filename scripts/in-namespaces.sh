#!/usr/bin/env bash
# Runs a command in network and mount namespaces of its own, where nothing leads outside: `in-namespaces.sh COMMAND…`.
# It has its own names of namespaces, its own /etc/resolv.conf and its own loopback, and all of it ends with it.
set -euo pipefail
if [ "${1:-}" != --inside ]; then
  exec unshare --net --mount --propagation private "$0" --inside "$@"
fi
shift
mkdir -p /run/netns
mount -t tmpfs -o mode=755 tmpfs /run/netns
resolv=$(mktemp)
trap 'rm -f "$resolv"' EXIT
mount --bind "$resolv" "$(realpath /etc/resolv.conf)"
mount -t sysfs sysfs /sys
ip link set lo up
# Tells a test that networks here are its own to change.
BANDSOX_TEST_NETNS=$(readlink /proc/self/ns/net)
export BANDSOX_TEST_NETNS
"$@"
