#!/usr/bin/env bash
# Sends what the document of the API allows, and what it does not, to a demonstration: nothing is answered with a 5xx,
# and every answer is as documented. Usage: [SEED=N] run.sh PROGRAM [EXAMPLES] [PHASES]
set -euo pipefail
program=$(realpath "$1")
examples=${2:-10}
phases=${3:-examples,fuzzing}
cd "$(dirname "$0")"
if [ ! -x .venv/bin/schemathesis ]; then
  echo "skipped: schemathesis is not installed; tests/setup.sh installs it where it can" >&2
  exit 0
fi
folder=$(mktemp -d)
"$program" demo --listen 127.0.0.1:0 --data-dir "$folder/log" >"$folder/said" 2>"$folder/log.txt" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 600); do
  grep -q '^Ready' "$folder/said" && break
  kill -0 "$server" 2>/dev/null || { cat "$folder/said" "$folder/log.txt" >&2; exit 1; }
  sleep 0.2
done
address=$(grep -oE 'http://[0-9.:]+' "$folder/said" | head -1)
# The stream of events does not end, and sixty commands take one and the same way.
.venv/bin/schemathesis run "$address/v3/api-docs" --url "$address" --phases "$phases" --max-examples "$examples" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
  --exclude-path /v1/events/stream --exclude-path-regex '^/v1/commands/(?!acknowledge-breach|record-act)' \
  --request-timeout 20 --seed "${SEED:-1}" --continue-on-failure --no-color
