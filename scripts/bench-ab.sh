#!/usr/bin/env bash
# bench-ab.sh COMMIT ROUNDS [arguments of bench/main.ts]: measures this checkout against an earlier commit, turn by turn in
# one run, so that what else the machine does falls on both alike. The earlier one gets a worktree of its own, with its own
# set-up and storage, which go when this ends; its figures are those its own suite has.
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

[ $# -ge 2 ] || die "usage: scripts/bench-ab.sh COMMIT ROUNDS [arguments]"
commit=$(git rev-parse --verify --quiet "$1^{commit}") || die "there is no commit $1"
rounds=$2
shift 2

work=$(mktemp -d "${TMPDIR:-/tmp}/bandsox-ab-XXXXXX")
there=$work/there
leave() {
  git worktree remove --force "$there" 2>/dev/null || true
  rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM HUP

git worktree add --quiet --detach "$there" "$commit"
say "setting up ${commit:0:7}"
(cd "$there" && BANDSOX_STORAGE=$work/storage scripts/setup.sh) >"$work/setup" 2>&1 || {
  tail -n 20 "$work/setup" >&2
  die "${commit:0:7} cannot be set up"
}

measure() { # checkout, storage that has its kernel, file; then arguments
  local checkout=$1 storage=$2 file=$3
  shift 3
  (cd "$checkout" && env ${storage:+BANDSOX_STORAGE="$storage"} PATH="$checkout/node_modules/.bin:$PATH" npm run --silent bench -- --out "$file" "$@" >/dev/null)
}

for round in $(seq "$rounds"); do
  say "round $round of $rounds"
  sides=(here there)
  if [ $((round % 2)) -eq 0 ]; then sides=(there here); fi
  for side in "${sides[@]}"; do
    if [ "$side" = here ]; then
      measure "$ROOT" "${BANDSOX_STORAGE:-}" "$work/here-$round.json" "$@"
    else
      measure "$there" "$work/storage" "$work/there-$round.json" "$@"
    fi
  done
done
node --conditions=bandsox-source bench/compare.ts "$work" "${commit:0:7}"
