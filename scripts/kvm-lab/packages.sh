#!/usr/bin/env bash
# Prints the packages of the lab's machine, comma-separated: what BandSox needs on any machine, and what a machine needs.
. "$(dirname "${BASH_SOURCE[0]}")/../environment.sh"

printf '%s,%s\n' "$(scripts/ensure-packages.sh --list "$@" | tr '\n' ',' | sed 's/,$//')" \
  linux-image-cloud-amd64,busybox-static,iproute2,procps
