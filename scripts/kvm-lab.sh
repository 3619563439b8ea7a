#!/usr/bin/env bash
# Boots an emulated machine whose processor has working nested virtualisation (SVM), with this checkout in it, and runs
# tests on that machine's real /dev/kvm. Everything in it comes from Debian packages and this checkout. It is slow.
#
#   scripts/kvm-lab.sh             the host and e2e tiers, and the Firecracker tier where FIRECRACKER_BIN names a binary
#   scripts/kvm-lab.sh short       one VM under KVM: boot, exec, snapshot, restore
#   scripts/kvm-lab.sh peers       BandSox beside microsandbox, which is installed from npm into build/peers; small sizes
#   scripts/kvm-lab.sh -- CMD...   any command, in the checkout
#
# FIRECRACKER_BIN and JAILER_BIN name binaries to carry in. LAB_MEMORY_MIB and LAB_LIMIT_S bound the machine.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

[ "$(uname -m)" = x86_64 ] || die "the KVM lab emulates an x86-64 machine with SVM; this one is $(uname -m)"
[ "$(id -u)" -eq 0 ] || die "building the KVM lab's disks needs root"

memory=${LAB_MEMORY_MIB:-6144}
limit=${LAB_LIMIT_S:-5400}
kernels=${BANDSOX_STORAGE:-/var/lib/bandsox}/kernel
[ -e "$kernels/current.json" ] || die "there is no guest kernel in $kernels: run \`make setup\`"

case ${1:-all} in
  short) packages=$(scripts/kvm-lab/packages.sh) command=(scripts/kvm-lab/tiers.sh short) ;;
  all) packages=$(scripts/kvm-lab/packages.sh --test) command=(scripts/kvm-lab/tiers.sh all) ;;
  peers)
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix build/peers microsandbox
    packages=$(scripts/kvm-lab/packages.sh) command=(scripts/kvm-lab/tiers.sh peers)
    ;;
  --) shift && packages=$(scripts/kvm-lab/packages.sh --test) command=("$@") ;;
  *) die "unknown: $1 (short, peers, or -- and a command)" ;;
esac

mkdir -p "$CACHE/kvm-lab"
root=$(scripts/kvm-lab/build-root.sh "$packages")
work=$(mktemp -d "$CACHE/kvm-lab/run-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

say "kvm-lab: copying the checkout"
scripts/kvm-lab/build-checkout.sh "$work" "$kernels" "${command[@]}"

say "kvm-lab: booting (at most $limit s)"
# Emulated guests take their clock from the real frequency of the host's TSC; BogoMIPS is twice that, in MHz.
tsc_khz=$(awk '/^bogomips/ { printf "%d", $3 * 500; exit }' /proc/cpuinfo)
timeout "$limit" qemu-system-x86_64 -M q35 -accel tcg,thread=multi,tb-size=512 -cpu max,+svm -smp 2 -m "$memory" \
  -nodefaults -no-user-config -nographic -no-reboot -serial stdio \
  -kernel "$root/vmlinuz" -initrd "$root/initrd" \
  -append "console=ttyS0 root=/dev/vda rw quiet loglevel=3 mitigations=off panic=-1 tsc_early_khz=$tsc_khz init=/lab-init" \
  -drive "file=$root/root.ext4,format=raw,if=virtio,cache=unsafe,snapshot=on" \
  -drive "file=$work/checkout.ext4,format=raw,if=virtio,cache=unsafe" </dev/null |
  sed -u 's/\r//g' | tee "$work/console" || say "kvm-lab: the machine did not end by itself"

# Test runners leave the cursor hidden or shown before the line, with no end of a line between.
status=$(sed -n 's/.*LAB-EXIT: \([0-9]*\)$/\1/p' "$work/console" | tail -n 1)
[ -n "$status" ] || die "the lab's machine ended without saying how its command went"
exit "$status"
