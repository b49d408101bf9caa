#!/usr/bin/env bash
# run.sh IMAGENT FAKE_HUB MODEL WORK: the hub's own JavaScript client against our cache. Exit code 77: skipped.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$4
skip() {
  echo "skipped: $1"
  exit 77
}
command -v node >/dev/null && command -v npm >/dev/null || skip "node and npm are not installed"

mkdir -p "$work"
cd "$work"
if ! cmp -s "$here/package-lock.json" installed-lock.json; then
  cp "$here/package.json" "$here/package-lock.json" .
  if ! npm ci --ignore-scripts --omit=optional --no-audit --no-fund --fetch-retries=1 --fetch-timeout=20000 >npm.log 2>&1 </dev/null; then
    grep -Eq 'ENOTFOUND|EAI_AGAIN|ECONN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|network|code E5[0-9][0-9]' npm.log && skip "the package registry cannot be reached"
    cat npm.log
    exit 1
  fi
  cp package-lock.json installed-lock.json
fi
cp "$here/hub_clients.mjs" .
exec node hub_clients.mjs "$1" "$2" "$3"
