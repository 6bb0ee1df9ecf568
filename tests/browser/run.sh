#!/bin/sh
# Starts `PROGRAM demo` in an empty folder, walks through it with Chromium, and stops it again.
# usage: run.sh PROGRAM [arguments of `playwright test`]
# Set MANDATE_URL to walk through a demonstration that is running already; PROGRAM is then not started.
set -eu

program=${1:?usage: run.sh PROGRAM [arguments of playwright test]}
shift
case $program in */*) program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program") ;; esac
cd "$(dirname "$0")"
[ -d node_modules ] || PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund

if [ -n "${MANDATE_URL:-}" ]; then
  exec npx playwright test "$@"
fi

folder=$(mktemp -d)
"$program" demo --data-dir "$folder/data" >"$folder/output" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT INT TERM

# The program prints its address before the history is made, and answers once it is.
tries=0
until MANDATE_URL=$(grep -om1 'http://127\.0\.0\.1:[0-9]*\|http://localhost:[0-9]*' "$folder/output") &&
  node -e 'fetch(process.argv[1] + "/sign-in").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' "$MANDATE_URL"; do
  tries=$((tries + 1))
  if [ "$tries" -gt 240 ] || ! kill -0 "$server" 2>/dev/null; then
    echo "run.sh: \`$program demo\` does not answer; it said:" >&2
    cat "$folder/output" >&2
    exit 1
  fi
  sleep 0.5
done
export MANDATE_URL
npx playwright test "$@"
