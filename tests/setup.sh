#!/usr/bin/env bash
# Installs what the tests need besides Rust and Node, where it can; else says what is missing and how to get it.
set -euo pipefail
cd "$(dirname "$0")"
need() { command -v "$1" >/dev/null 2>&1; }
missing=0
if ! need node || ! need npm; then
  echo "missing: Node 20 or later with npm; see https://nodejs.org or your distribution's package nodejs" >&2
  missing=1
fi
if ! need chromium; then
  if [ "$(id -u)" = 0 ] && need apt-get; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
  else
    echo "missing: chromium; as root: apt-get install chromium" >&2
    missing=1
  fi
fi
need python3 || { echo "missing: python3; as root: apt-get install python3" >&2; missing=1; }
[ "$missing" = 0 ] || exit 1
if [ ! -d browser/node_modules ] || [ browser/package-lock.json -nt browser/node_modules ]; then
  (cd browser && npm ci --no-audit --no-fund && touch node_modules)
fi
