#!/usr/bin/env bash
# Compares this library with its peers and prints the tables of README.md. It
# installs the versions that package-lock.json pins into $PEERS (a directory
# outside of the tree, kept from one run to the next), and so needs the network
# once. Arguments go to cmd/compare: -rounds, -turn, -only warm|cold|scenarios.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
peers=${PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/cqrs-peers}

mkdir -p "$peers"
if ! cmp -s "$here/package-lock.json" "$peers/installed"; then
	cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$peers/"
	(cd "$peers" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
	cp "$here/package-lock.json" "$peers/installed"
fi
rm -rf "$peers/node" "$peers/bundle"
cp -R "$here/node" "$peers/node"
node "$peers/node/build.mjs" "$peers/bundle"

cd "$here"
export GOTOOLCHAIN=local NODE_NO_WARNINGS=1
go build -trimpath -tags=lambda.norpc -o "$peers/compare" ./cmd/compare
exec "$peers/compare" -node "$peers" "$@"
