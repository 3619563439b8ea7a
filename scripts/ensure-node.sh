#!/usr/bin/env bash
# Installs node_modules as package-lock.json says, Node 24 among them, when they are not.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

command -v npm >/dev/null || die "npm is missing: install Node.js with npm (Debian package: npm)"

stamp=node_modules/.bandsox-stamp
wanted=$(cat package-lock.json package.json packages/*/package.json examples/package.json | sha256sum | cut -d ' ' -f 1)
if [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ] && [ -x node_modules/.bin/node ]; then
  say "node_modules: up to date, Node $(node_modules/.bin/node --version)"
  exit 0
fi
say "node_modules: installing"
# npm leaves out optional packages that its own Node is too old for, and says nothing: Debian's would miss our bundler.
if ! at_least v20.19 "$(node --version 2>/dev/null || echo v0)"; then
  node_wanted=$(sed -n 's/^ *"node": "\([0-9.]*\)".*/\1/p' package.json)
  mkdir -p "$CACHE/npm"
  npm install --prefix "$CACHE/npm" --no-audit --no-fund --loglevel=error "node@$node_wanted" npm@11
  export PATH="$CACHE/npm/node_modules/node/bin:$CACHE/npm/node_modules/.bin:$PATH"
fi
# The system's npm may warn that its own Node is too old: ours comes with what it installs.
npm ci --no-audit --no-fund --loglevel=error
version=$(node_modules/.bin/node --version) || die "npm ci did not install Node: its install script may have been refused"
at_least v24 "$version" || die "npm ci installed Node $version, wanted 24 or newer"
printf '%s\n' "$wanted" >"$stamp"
say "node_modules: installed, Node $version"
