#!/usr/bin/env bash
# Makes the npm package, self-contained, in build/package, and packs it: build/bandsox-<version>.tgz.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

version=$(sed -n 's/^ *"version": *"\(.*\)".*/\1/p' packages/bandsox/package.json)
scripts/build-helpers.sh agent build/helpers
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
