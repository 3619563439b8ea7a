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
for name in FIRECRACKER_BIN JAILER_BIN; do
  [ -z "${!name:-}" ] && continue
  install -m 755 "${!name}" "$tree/bin/$name"
  printf 'export %s=/lab/bin/%s\n' "$name" "$name" >>"$tree/environment"
done
touch "$tree/environment"
printf '%q ' "$@" >"$tree/command"
truncate -s 12G "$work/checkout.ext4"
mke2fs -q -F -t ext4 -d "$tree" "$work/checkout.ext4"
rm -rf "$tree"
