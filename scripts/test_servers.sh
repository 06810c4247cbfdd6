#!/bin/sh
# Fetches PostgreSQL 14 and 16, Ubuntu's versions, for the storage tests (development only; needs npm). Quick when they are there.
set -eu
cd "$(dirname "$0")/.."
servers=var/test-servers
cmp -s .ci/postgres/package-lock.json $servers/complete && exit 0
rm -rf $servers
mkdir -p $servers
cp .ci/postgres/package.json .ci/postgres/package-lock.json $servers
npm ci --prefix $servers --ignore-scripts --no-audit --no-fund --loglevel=error
for package in $servers/node_modules/postgres-*; do
    (cd "$package" && node scripts/hydrate-symlinks.js) # a package of npm holds no links
done
mv $servers/package-lock.json $servers/complete
