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
# A server of PostgreSQL 15 or later, whose programs need not be in PATH; the tests make a cluster of their own.
if ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 && ! need postgres && ! [ -x "$(pg_config --bindir 2>/dev/null)/postgres" ]; then
  if [ "$(id -u)" = 0 ] && need apt-get; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql-common >/dev/null
    # Debian would make and start a cluster of its own otherwise.
    sed -i 's/^#\? *create_main_cluster *=.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
    grep -q '^create_main_cluster = false' /etc/postgresql-common/createcluster.conf ||
      echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf
    apt-get install -y -qq --no-install-recommends postgresql >/dev/null
  else
    echo "missing: a PostgreSQL server, 15 or later; as root: apt-get install postgresql" >&2
    missing=1
  fi
fi
# A real mail server for the campaign on mail; it is run with a configuration and a queue of its own, and not as a service.
if ! [ -x /usr/sbin/postfix ]; then
  if [ "$(id -u)" = 0 ] && need apt-get; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postfix >/dev/null
  else
    echo "missing: Postfix; as root: apt-get install postfix" >&2
    missing=1
  fi
fi
need cc || { echo "missing: a C compiler; as root: apt-get install gcc libc6-dev" >&2; missing=1; }
need python3 || { echo "missing: python3; as root: apt-get install python3" >&2; missing=1; }
[ "$missing" = 0 ] || exit 1
# Without it the check of the API against its document is left out, and says so.
if [ ! -x api/.venv/bin/schemathesis ]; then
  { python3 -m venv api/.venv && api/.venv/bin/pip install --quiet schemathesis==4.32.5; } ||
    { rm -rf api/.venv; echo "not installed: schemathesis; it needs python3-venv and the package index of Python" >&2; }
fi
if [ ! -d browser/node_modules ] || [ browser/package-lock.json -nt browser/node_modules ]; then
  (cd browser && npm ci --no-audit --no-fund && touch node_modules)
fi
if [ ! -d oidc/node_modules ] || [ oidc/package-lock.json -nt oidc/node_modules ]; then
  (cd oidc && npm ci --ignore-scripts --no-audit --no-fund && touch node_modules)
fi
