#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that are missing; with `--test`, also those only the tests need.
# Root installs them; anyone else is told the command. With `--list` in front, prints all of them instead.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

only_list=false
if [ "${1:-}" = --list ]; then
  only_list=true
  shift
fi

packages=(ca-certificates debian-archive-keyring e2fsprogs kmod lz4 mmdebstrap nftables uidmap xz-utils zstd)
case $(uname -m) in
  aarch64) packages+=(qemu-system-arm) ;;
  *) packages+=(qemu-system-x86) ;;
esac
if [ "${1:-}" = --test ]; then
  packages+=(attr buildah chromium busybox-static containernetworking-plugins docker-registry fish iproute2 libcap2-bin python3 python3-venv
    skopeo tmux umoci zsh)
fi
if $only_list; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi

if ! command -v dpkg-query >/dev/null; then
  say "packages: this is no Debian or Ubuntu; install what \`./bandsox doctor\` names"
  exit 0
fi
# A Node or npm from elsewhere is as good as the package.
command -v npm >/dev/null || packages+=(npm)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  say "packages: all ${#packages[@]} present"
  exit 0
fi

if [ "$(id -u)" -ne 0 ]; then
  printf 'These packages are missing. Install them and run this again:\n\n' >&2
  printf '  sudo apt-get update && sudo apt-get install -y --no-install-recommends %s\n\n' "${missing[*]}" >&2
  exit 1
fi

# A package's service must not start: the tests start what they need themselves.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ] && [ ! -L "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
registry_is_new=false
case " ${missing[*]} " in *" docker-registry "*) registry_is_new=true ;; esac

say "packages: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -q -o Dpkg::Use-Pty=0 update
apt-get -q -o Dpkg::Use-Pty=0 install -y --no-install-recommends "${missing[@]}"
if $registry_is_new && [ -d /run/systemd/system ]; then
  systemctl disable docker-registry.service # or the next boot starts it
fi
