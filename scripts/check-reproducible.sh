#!/usr/bin/env bash
# Builds the package's Go helpers twice: from here, and from a copy in another place with nothing kept of any build before.
# Ends with 0 where every byte is the same, and prints the digests.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/bandsox-reproducible-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

scripts/build-helpers.sh agent build/helpers
mkdir -p "$work/elsewhere/source"
cp -r agent/. "$work/elsewhere/source"
GOCACHE=$work/cache scripts/build-helpers.sh "$work/elsewhere/source" "$work/again"

diff -rq build/helpers "$work/again" >&2 || die "two builds of the same source differ"
(cd build/helpers && sha256sum ./*/*)
say "reproducible: two builds of the same source are the same"
