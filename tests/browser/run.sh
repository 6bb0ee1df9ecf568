#!/bin/sh
# Starts `PROGRAM demo` in an empty folder, walks through it with Chromium, and stops it again.
# usage: run.sh PROGRAM [arguments of `playwright test`]
# SCALE=national makes a national history, which takes up to an hour and 10 GB in TMPDIR, and times each page as well.
# MANDATE_WALK=all walks the tasks of each kind of user on a narrow screen too. With MANDATE_URL a demonstration that
# is running already is walked through; PROGRAM is then not started.
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
scale=${SCALE:-small}
"$program" demo --scale "$scale" --data-dir "$folder/data" >"$folder/output" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT INT TERM

# The program prints its address before the history is made, and answers once it is.
case $scale in small) seconds=120 ;; *) seconds=5400 ;; esac
tries=0
until MANDATE_URL=$(grep -om1 'http://127\.0\.0\.1:[0-9]*\|http://localhost:[0-9]*' "$folder/output") &&
  node -e 'fetch(process.argv[1] + "/sign-in").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))' "$MANDATE_URL"; do
  tries=$((tries + 1))
  if [ "$tries" -gt $((seconds * 2)) ] || ! kill -0 "$server" 2>/dev/null; then
    echo "run.sh: \`$program demo\` does not answer; it said:" >&2
    cat "$folder/output" >&2
    exit 1
  fi
  sleep 0.5
done
export MANDATE_URL
npx playwright test "$@"
# Of a country each page is timed as well.
[ "$scale" = small ] || node times.mjs
