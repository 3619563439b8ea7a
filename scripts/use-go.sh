# Sourced after environment.sh: sets GO to a Go command, and lets it fetch the toolchain agent/go.mod asks for if it is older.
GO=$(scripts/ensure-go.sh)

go_wanted=$(sed -n 's/^go //p' agent/go.mod)
go_found=$(cd / && GOTOOLCHAIN=local "$GO" env GOVERSION)
go_found=${go_found#go}
if ! at_least "$go_wanted" "$go_found"; then
  export GOTOOLCHAIN=auto
  say "Go: $go_found is here, agent/go.mod asks for $go_wanted, which comes from the module proxy"
  (cd agent && "$GO" version >/dev/null) ||
    die "the module proxy (GOPROXY=$("$GO" env GOPROXY)) did not give the Go $go_wanted toolchain; install Go $go_wanted from go.dev/dl"
fi
