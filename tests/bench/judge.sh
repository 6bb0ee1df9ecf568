#!/usr/bin/env bash
# Makes a national history once and measures `mandate judge` on it against only decoding it.
set -euo pipefail
cd "$(dirname "$0")/../.."
file=target/bench/national.jsonl
mkdir -p target/bench
[ -s "$file" ] || target/release/mandate generate --scale national --out "$file"
cargo bench --locked --package mandate-api --bench judge -- "$PWD/$file"
