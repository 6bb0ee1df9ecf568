#!/usr/bin/env bash
# The restore drill: backs up, restores beside the running system, verifies the result against a checkpoint that was
# kept elsewhere, and makes the read models anew from it. Run it by a timer; it ends with 0 when a restore would work.
#
#   restore-drill.sh DATA_DIR CHECKPOINT_FILE [KEY_FILE]
#
# DATA_DIR is that of the running system (with MANDATE_DATABASE_URL set where its log is in PostgreSQL), CHECKPOINT_FILE a
# copy of its checkpoints from another machine. MANDATE names the program, if it is not on the PATH.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: $0 DATA_DIR CHECKPOINT_FILE [KEY_FILE]" >&2; exit 2; }
mandate=${MANDATE:-mandate}
data=$1 checkpoints=$2 key=${3:-$1/keys/kek}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$mandate" backup --data-dir "$data" --log-to "$scratch/log" --keys-to "$scratch/keys"
# From here on the copy alone is looked at, in SQLite files, whatever the system runs on.
unset MANDATE_DATABASE_URL
mkdir -m 700 -p "$scratch/restored/keys"
for file in "$key" "$(dirname "$key")/signing" "$(dirname "$key")/erased"; do
  [ ! -f "$file" ] || cp -p "$file" "$scratch/restored/keys/"
done
cp "$checkpoints" "$scratch/restored/checkpoints"
"$mandate" restore --log-from "$scratch/log" --keys-from "$scratch/keys" --data-dir "$scratch/restored"
"$mandate" log verify --data-dir "$scratch/restored"
"$mandate" projections rebuild --data-dir "$scratch/restored"
"$mandate" projections compare --data-dir "$scratch/restored"
echo "drill passed"
