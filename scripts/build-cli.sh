#!/usr/bin/env bash
# Bundles the command line into build/cli, from where ./bandsox runs it as long as no source is newer.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

newer=$(find packages/*/src package-lock.json scripts/bundle-cli.ts -newer build/cli/main.js -print -quit 2>/dev/null || true)
if [ -e build/cli/main.js ] && [ -z "$newer" ]; then
  say "command line: up to date"
  exit 0
fi
mkdir -p build
staged=$(mktemp -d build/staged-XXXXXX)
trap 'rm -rf "$staged"' EXIT
node --disable-warning=ExperimentalWarning scripts/bundle-cli.ts "$staged/cli"
rm -rf build/cli
mv "$staged/cli" build/cli
say "command line: build/cli is new"
