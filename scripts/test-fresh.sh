#!/usr/bin/env bash
# Follows the README's quick start word for word in a bare Debian root, made for it and removed after it. Needs root and
# mmdebstrap. What this machine knows of mirrors, registries and certificate authorities goes along; nothing else does.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

[ "$(id -u)" -eq 0 ] || die "needs root, for a root directory of another system"
command -v mmdebstrap >/dev/null || die "mmdebstrap is missing: run \`make setup\`"
suite=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-bookworm}")

work=$(mktemp -d /var/tmp/bandsox-fresh-XXXXXX)
fresh=$work/root
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM HUP

say "a bare root: $suite with git and make, no more"
mmdebstrap --quiet --variant=minbase --include=ca-certificates,git,make "$suite" "$fresh" $(ls /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null)

take_along() {
  local path
  for path in "$@"; do
    [ -e "$path" ] || continue
    mkdir -p "$fresh$(dirname "$path")"
    cp -aL --remove-destination "$path" "$fresh$(dirname "$path")/"
  done
}
take_along /etc/resolv.conf /etc/hosts /etc/npmrc /usr/etc/npmrc "$HOME/.npmrc" "$HOME/.config/go"
take_along /etc/ssl/certs/ca-certificates.crt /usr/local/share/ca-certificates /etc/containers/registries.conf
mapfile -t settings < <(env | grep -E '^([A-Z_]*(PROXY|proxy|CERT|CA_BUNDLE|CAINFO|CERTS)[A-Z_]*|[a-z_]*proxy|GO[A-Z]*|NPM_CONFIG_[A-Z_]*|npm_config_[a-z_]*)=' || true)
for setting in "${settings[@]}"; do
  case ${setting#*=} in /*) take_along "${setting#*=}" ;; esac
done

git clone --quiet "$ROOT" "$fresh/root/bandsox"
# The commands of the first shell block under "Quick start", as they stand there.
commands=$(awk '/^## Quick start/ { here = 1 } here && /^```sh/ { block = 1; next } block && /^```/ { exit } block' README.md)
say "the README's commands:"
printf '%s\n' "$commands" | sed 's/^/    /'

cat >"$fresh/root/follow.sh" <<'EOF'
set -euo pipefail
cd /root/bandsox
while IFS= read -r command; do
  printf '\n$ %s\n' "$command"
  if bash -c "$command" </dev/null >/root/output 2>&1; then
    cat /root/output
  elif [ "${command#./bandsox run python:3-alpine}" != "$command" ] && grep -q 'registry' /root/output; then
    cat /root/output
    local_command=${command/python:3-alpine/bandsox/python:bookworm}
    printf '\nNo registry is reached here: with the image the first command has built.\n$ %s\n' "$local_command"
    bash -c "$local_command" </dev/null >/root/output 2>&1 || { cat /root/output; exit 1; }
    cat /root/output
  else
    cat /root/output
    exit 1
  fi
  grep -q '^Hello from VM!$' /root/output || { echo "the output does not say: Hello from VM!" >&2; exit 1; }
done </root/commands
EOF
printf '%s\n' "$commands" >"$fresh/root/commands"

say "following them"
# VMs get no network: it would be made with this machine's own interfaces.
unshare --mount --pid --fork --kill-child --propagation private bash -euc '
  mount -t proc proc "$1/proc"
  mount --rbind /sys "$1/sys"
  mount --rbind /dev "$1/dev"
  root=$1
  shift
  exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    BANDSOX_NETWORKING=off NO_COLOR=1 "$@" bash /root/follow.sh
' follow "$fresh" "${settings[@]}"
say "the README holds on a bare $suite"
