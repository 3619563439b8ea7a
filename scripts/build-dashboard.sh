#!/usr/bin/env bash
# Builds the dashboard into packages/dashboard/dist, unless what it is made of is as it was.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

stamp=packages/dashboard/dist/.stamp
wanted=$({
  find packages/dashboard packages/client/src packages/contract/src -type f \
    -not -path '*/dist/*' -not -path '*/node_modules/*' -not -name '*.tsbuildinfo' -not -name '*.test.*' -print0 |
    sort -z | xargs -0 sha256sum
  sha256sum package-lock.json
} | sha256sum | cut -d ' ' -f 1)
if [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then
  say "dashboard: up to date"
  exit 0
fi
say "dashboard: building"
(cd packages/dashboard && vite build --logLevel warn)
printf '%s\n' "$wanted" >"$stamp"
say "dashboard: built"
