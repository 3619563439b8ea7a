#!/usr/bin/env bash
# Runs every check and test this machine can run, and stops at the first that fails. Ends with a summary.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

done_tiers=()
tier='set-up'
log=$(mktemp)
summary() {
  local status=$?
  echo
  if [ $status -eq 0 ]; then
    say "all passed: ${done_tiers[*]}"
  else
    failures
    say "FAILED in: $tier (passed before it: ${done_tiers[*]:-none})"
  fi
  rm -f "$log"
}
trap summary EXIT
trap 'exit 130' INT TERM HUP

# Once more what failed and why: of a long log, often only the end is kept.
failures() {
  say "what failed in $tier:"
  grep -aE 'FAIL|Error|✗|×|^[[:space:]]*[+-] |error' "$log" | cut -c1-400 | tail -40 || true
}

run_tier() {
  tier=$1
  shift
  local started=$SECONDS
  echo
  say "tier: $tier"
  "$@" 2>&1 | tee -i "$log"
  done_tiers+=("$tier ($((SECONDS - started)) s);")
}

go_tests() {
  . scripts/use-go.sh
  (cd agent && "$GO" vet ./... && "$GO" test ./...)
}

# Why the network tier cannot run here; says nothing where it can.
no_networks_because() {
  if [ "$(id -u)" -ne 0 ]; then
    echo "it needs root, for namespaces of its own"
  elif ! command -v nft >/dev/null || ! command -v ip >/dev/null; then
    echo "it needs nft and ip (packages nftables, iproute2)"
  elif [ ! -c /dev/net/tun ]; then
    echo "it needs /dev/net/tun"
  elif ! unshare --net --mount true 2>/dev/null; then
    echo "this machine gives root no namespaces"
  fi
}

run_tier set-up scripts/setup.sh --test
checks() {
  npm run --silent check && npm run --silent check:unused
}
run_tier check checks
run_tier go go_tests
run_tier unit vitest run --project unit
if [ "$(id -u)" -ne 0 ]; then
  say "not root: tests that need it skip themselves and say so"
fi
run_tier host vitest run --project host
run_tier e2e vitest run --project e2e
run_tier screens vitest run --project screens
run_tier firecracker vitest run --project firecracker
run_tier package vitest run --project package
reason=$(no_networks_because)
if [ -n "$reason" ]; then
  say "skipped: network: $reason"
  done_tiers+=("network (skipped: $reason);")
else
  run_tier network npm run --silent test:network
fi
