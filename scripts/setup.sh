#!/usr/bin/env bash
# Makes a clean clone ready to run: packages, node_modules, Go helpers, guest kernel. Arguments go to ensure-packages.sh.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

scripts/ensure-packages.sh "$@"
scripts/ensure-node.sh
scripts/build-agent.sh
scripts/build-cli.sh
scripts/build-dashboard.sh
say "guest kernel and initramfs"
./bandsox init
