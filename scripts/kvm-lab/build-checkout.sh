#!/usr/bin/env bash
# build-checkout.sh DIR KERNELS CMD...: makes DIR/checkout.ext4 of this checkout, as built here, a guest kernel, the
# binaries to carry in, and the command to run.
. "$(dirname "${BASH_SOURCE[0]}")/../environment.sh"

work=$1 kernels=$2
shift 2
tree=$work/tree
mkdir -p "$tree/checkout" "$tree/kernels" "$tree/bin" "$tree/storage" "$tree/tmp"
git ls-files -z | tar --null --ignore-failed-read -T - -cf - | tar -xf - -C "$tree/checkout"
for built in build node_modules packages/*/node_modules packages/*/dist; do
  [ -e "$built" ] && cp -al "$built" "$tree/checkout/$built"
done
cp -a "$kernels" "$tree/kernels/kernel"
carry() { # carry VARIABLE NAME: the binary a variable names, under the name its users know it by
  [ -n "${!1:-}" ] || return 0
  install -m 755 "${!1}" "$tree/bin/$2"
  printf 'export %s=/lab/bin/%s\n' "$1" "$2" >>"$tree/environment"
}
carry FIRECRACKER_BIN firecracker
carry JAILER_BIN jailer
touch "$tree/environment"
printf '%q ' "$@" >"$tree/command"
truncate -s 12G "$work/checkout.ext4"
mke2fs -q -F -t ext4 -d "$tree" "$work/checkout.ext4"
rm -rf "$tree"
