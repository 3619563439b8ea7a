#!/usr/bin/env bash
# build-root.sh PACKAGES: builds the lab's root disk from the Debian mirror, once per list of packages, and prints the
# directory with root.ext4, vmlinuz and initrd.
. "$(dirname "${BASH_SOURCE[0]}")/../environment.sh"

suite=bookworm
own=$(. /etc/os-release && printf '%s %s' "$ID" "${VERSION_CODENAME:-}")
[ "${own% *}" = debian ] && suite=${own#* }
key=$(printf '%s' "$suite $1 $(cat scripts/kvm-lab/lab-init scripts/kvm-lab/build-root.sh)" | sha256sum | cut -c1-16)
built=$CACHE/kvm-lab/root-$key
if [ -e "$built/root.ext4" ]; then
  echo "$built"
  exit 0
fi

say "kvm-lab: building a $suite root with ${1//,/ }" >&2
staged=$(mktemp -d "$CACHE/kvm-lab/staged-XXXXXX")
trap 'rm -rf "$staged"' EXIT
trap 'exit 130' INT TERM HUP
TMPDIR=$staged mmdebstrap --quiet --variant=minbase "--include=$1" '--aptopt=Acquire::Languages "none"' \
  '--dpkgopt=path-exclude=/usr/share/man/*' '--dpkgopt=path-exclude=/usr/share/locale/*' '--dpkgopt=path-exclude=/usr/share/doc/*' \
  "$suite" "$staged/root.tar" >&2
mkdir "$staged/root" "$staged/built"
tar -xf "$staged/root.tar" -C "$staged/root"
install -m 755 scripts/kvm-lab/lab-init "$staged/root/lab-init"
cp "$staged"/root/boot/vmlinuz-* "$staged/built/vmlinuz"
cp "$staged"/root/boot/initrd.img-* "$staged/built/initrd"
truncate -s 8G "$staged/built/root.ext4"
mke2fs -q -F -t ext4 -d "$staged/root" "$staged/built/root.ext4" >&2
mv "$staged/built" "$built"
echo "$built"
