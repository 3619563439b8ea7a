#!/usr/bin/env bash
# build-helpers.sh SOURCE TARGET: builds the Go helpers of a package from the module in SOURCE, for both architectures,
# into TARGET/<architecture>. The same source gives the same bytes wherever it lies, see check-reproducible.sh.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
. scripts/use-go.sh

[ $# -eq 2 ] || die "usage: scripts/build-helpers.sh SOURCE TARGET"
source=$(realpath "$1")
mkdir -p "$2"
target=$(realpath "$2")

version=$(sed -n 's/^ *"version": *"\(.*\)".*/\1/p' packages/bandsox/package.json)
declare -A go_names=([x64]=amd64 [arm64]=arm64)
for arch in x64 arm64; do
  say "package: Go helpers for $arch"
  mkdir -p "$target/$arch"
  for name in agent supervise image snapshot network; do
    (cd "$source" && CGO_ENABLED=0 GOOS=linux GOARCH=${go_names[$arch]} "$GO" build -trimpath -buildvcs=false \
      -ldflags "-s -w -buildid= -X main.version=$version" -o "$target/$arch/bandsox-$name" "./cmd/$name")
  done
done
