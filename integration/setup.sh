#!/usr/bin/env bash
# Fetches what the integration tests run against, once: dynoxide, an independent
# DynamoDB, from npm into the user's cache; and PostgreSQL and Chromium from Debian,
# where root runs this.
# With --missing it fetches nothing, but says which tests will be left out.
set -euo pipefail
version=1.2.1
sha256=be909b7910d3fb552e85db10ef3c8ebae4bd35fee0f26dffdb6dfa5cc656426e
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lambda-cqrs
binary=$cache/node_modules/@dynoxide/linux-x64/dynoxide

is_root() { [[ $(id -u) == 0 ]]; }

# install <command or file> <package>...
install() {
	is_root || { echo "setup: $1 is missing; install $2 as root" >&2; return 1; }
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq && apt-get install -qq --yes --no-install-recommends "${@:2}" >/dev/null
}

is_genuine() { [[ -x $binary ]] && sha256sum --check --status <<<"$sha256  $binary"; }

dynoxide() {
	[[ $(uname -sm) == "Linux x86_64" ]] || { echo "setup: dynoxide is fetched for Linux on x86-64 only" >&2; return 1; }
	is_genuine && return
	command -v npm >/dev/null || install npm npm
	mkdir -p "$cache"
	npm install --silent --no-audit --no-fund --no-save --prefix "$cache" "@dynoxide/linux-x64@$version" >/dev/null
	is_genuine || { echo "setup: $binary is not the one that was reviewed" >&2; return 1; }
}

has_postgres() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null; }

postgres() {
	has_postgres && return
	if is_root; then # the tests make their own cluster
		mkdir -p /etc/postgresql-common/createcluster.d
		echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/cqrs.conf
	fi
	install initdb postgresql
}

has_chromium() { type -P chromium >/dev/null; } # no function

chromium() { has_chromium || install chromium chromium; }

if [[ ${1:-} == --missing ]]; then
	is_genuine || echo "test: the tests against dynoxide are left out; integration/setup.sh fetches it"
	has_postgres || echo "test: the tests against PostgreSQL are left out; integration/setup.sh fetches it"
	has_chromium || echo "test: the test of the console is left out; integration/setup.sh fetches Chromium"
	exit
fi

dynoxide
echo "setup: dynoxide $version is in $cache"

# Where they are missing, the tests that need them are left out, but not in CI.
if postgres; then echo "setup: PostgreSQL is there"; else [[ -z ${CI:-} ]]; fi
if chromium; then echo "setup: Chromium is there"; else [[ -z ${CI:-} ]]; fi
