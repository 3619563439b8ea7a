#!/usr/bin/env bash
# Makes the npm package, self-contained, in build/package, and packs it: build/bandsox-<version>.tgz.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
. scripts/use-go.sh

version=$(sed -n 's/^ *"version": *"\(.*\)".*/\1/p' packages/bandsox/package.json)
declare -A go_names=([x64]=amd64 [arm64]=arm64)
for arch in x64 arm64; do
  say "package: Go helpers for $arch"
  mkdir -p "build/helpers/$arch"
  for name in agent supervise image snapshot network; do
    (cd agent && CGO_ENABLED=0 GOOS=linux GOARCH=${go_names[$arch]} "$GO" build -trimpath -buildvcs=false \
      -ldflags "-s -w -buildid= -X main.version=$version" -o "$ROOT/build/helpers/$arch/bandsox-$name" "./cmd/$name")
  done
done
say "package: declarations"
tsc -b packages/bandsox packages/client
scripts/build-dashboard.sh
say "package: bundles"
node --disable-warning=ExperimentalWarning scripts/bundle-package.ts build/helpers build/package
publint run build/package --pack false
npm sbom --sbom-format cyclonedx --omit dev --workspace bandsox --workspace @bandsox/server --workspace @bandsox/cli \
  >"build/bandsox-$version.sbom.json"
say "package: packing"
(cd build/package && npm pack --silent --pack-destination ..)
say "package: build/bandsox-$version.tgz, $(du -h "build/bandsox-$version.tgz" | cut -f 1) packed, $(du -sh build/package | cut -f 1) unpacked, without dependencies"
