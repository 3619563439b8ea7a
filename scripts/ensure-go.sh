#!/usr/bin/env bash
# Prints the path of a Go command that can build agent/: one on this machine from 1.21 on, which fetches the toolchain
# go.mod asks for; else the newest the distribution packages, or its backports, unpacked into .cache/go. The system
# is not changed.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

OLDEST=1.21
UNPACKED=$CACHE/go

note() { say "$@" >&2; }

# usable_go GO: whether GO is a Go from OLDEST on.
usable_go() {
  local version
  [ -x "$1" ] || return 1
  version=$(cd / && GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  at_least "$OLDEST" "${version#go}"
}

find_go() {
  local go
  for go in "$(command -v go || true)" /usr/local/go/bin/go /usr/lib/go-*/bin/go "$UNPACKED"/usr/lib/go-*/bin/go; do
    if usable_go "$go"; then
      printf '%s\n' "$go"
      return 0
    fi
  done
  return 1
}

# newest_package [APT_OPTION...]: the newest golang-1.NN from OLDEST on that apt knows.
newest_package() {
  local name
  name=$(apt-cache "$@" pkgnames golang-1. | sed -n 's/^golang-\(1\.[0-9]*\)-go$/\1/p' | sort -V | tail -n 1)
  [ -n "$name" ] && at_least "$OLDEST" "$name" && printf 'golang-%s\n' "$name"
}

# unpack_package NAME [APT_OPTION...]: downloads NAME-go and NAME-src, verified by apt, and unpacks them.
unpack_package() {
  local name=$1 work
  shift
  work=$(mktemp -d "$CACHE/go-XXXXXX")
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  (cd "$work" && apt-get -q "$@" -o APT::Sandbox::User=root download "$name-go" "$name-src") >&2 || return 1
  for deb in "$work"/*.deb; do dpkg-deb -x "$deb" "$work/root"; done
  rm -rf "$UNPACKED"
  mv "$work/root" "$UNPACKED"
}

# backports_sources CODENAME: the host's own entries for CODENAME, turned to its backports.
backports_sources() {
  local list
  for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$list" ] || continue
    sed -nE "s/^deb[[:space:]]+((\[[^]]*\][[:space:]]+)?[^[:space:]]+[[:space:]]+)$1[[:space:]].*/deb \1$1-backports main/p" "$list"
  done >"$2/backports.list"
  for list in /etc/apt/sources.list.d/*.sources; do
    [ -f "$list" ] || continue
    awk -v suite="$1" 'BEGIN { RS = ""; FS = "\n" }
      $0 ~ "(^|\n)Suites:([^\n]*[ \t])?" suite "([ \t\n]|$)" {
        gsub(/Suites:[^\n]*/, "Suites: " suite "-backports"); gsub(/Components:[^\n]*/, "Components: main")
        print $0 "\n"
      }' "$list"
  done >"$2/backports.sources"
}

from_backports() {
  local codename state options name
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  [ -n "$codename" ] || return 1
  state=$CACHE/apt
  rm -rf "$state"
  mkdir -p "$state/sources" "$state/lists/partial" "$state/cache/archives/partial"
  backports_sources "$codename" "$state/sources"
  options=(-o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$state/sources" -o "Dir::State::lists=$state/lists"
    -o "Dir::Cache=$state/cache" -o "APT::Sandbox::User=root")
  note "Go: looking in $codename-backports"
  apt-get -q "${options[@]}" update >&2 || return 1
  name=$(newest_package "${options[@]}") || return 1
  note "Go: unpacking $name of $codename-backports into .cache/go"
  unpack_package "$name" "${options[@]}"
}

if find_go; then exit 0; fi
command -v apt-get >/dev/null || die "Go $OLDEST or newer is missing: install it from go.dev/dl"
mkdir -p "$CACHE"
if name=$(newest_package); then
  note "Go: unpacking $name into .cache/go"
  unpack_package "$name" || from_backports || die "Go could not be downloaded: see apt's words above"
else
  from_backports || die "there is no Go from $OLDEST on, here or in the distribution's packages: install it from go.dev/dl"
fi
find_go || die "the unpacked Go in $UNPACKED does not run"
