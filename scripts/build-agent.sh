#!/usr/bin/env bash
# Builds the Go helpers into build/bin, static; a file is replaced only when it changed.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

. scripts/use-go.sh

version=$(sed -n 's/^ *"version": *"\(.*\)".*/\1/p' packages/bandsox/package.json)
say "Go helpers: building with $(cd agent && "$GO" env GOVERSION)"
mkdir -p build/bin
staged=$(mktemp -d build/staged-XXXXXX)
trap 'rm -rf "$staged"' EXIT
for name in agent supervise image snapshot network; do
  (cd agent && CGO_ENABLED=0 "$GO" build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$version" \
    -o "$ROOT/$staged/bandsox-$name" "./cmd/$name")
  if cmp -s "$staged/bandsox-$name" "build/bin/bandsox-$name"; then
    continue
  fi
  mv "$staged/bandsox-$name" "build/bin/bandsox-$name"
  say "Go helpers: build/bin/bandsox-$name is new"
done
