#!/usr/bin/env bash
# tiers.sh short|peers|all: what the lab's machine runs. Guests of an emulated machine are some ten times slower, and so is Node.
. "$(dirname "${BASH_SOURCE[0]}")/../environment.sh"

export BANDSOX_ACCEL=kvm BANDSOX_BOOT_TIMEOUT_MS=600000 BANDSOX_TEST_TIME_SCALE=20 BANDSOX_PATIENCE=20
export BANDSOX_TEST_KERNEL_CACHE=/lab/kernels NODE_COMPILE_CACHE=/lab/tmp/node-compile-cache

if [ "$1" = short ]; then
  exec node --conditions=bandsox-source --disable-warning=ExperimentalWarning test/kvm-lab/short-run.ts
fi
if [ "$1" = peers ]; then
  exec node --conditions=bandsox-source --disable-warning=ExperimentalWarning bench/peer.ts build/peers --quick
fi
failed=()
for tier in host e2e screens; do
  say "lab tier: $tier"
  vitest run --project "$tier" --reporter=verbose || failed+=("$tier")
done
if [ -n "${FIRECRACKER_BIN:-}" ]; then
  say "lab tier: firecracker"
  npm run --silent test:firecracker || failed+=(firecracker)
fi
[ ${#failed[@]} -eq 0 ] || die "failed in the lab: ${failed[*]}"
