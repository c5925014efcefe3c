#!/bin/sh
# Brings docker-compose 1.29 with its own tests out of Debian's source package to test/fetched/compose. Nothing is done where it is there.
# The lists and sources of the host's own apt are not touched.
set -eu
cd "$(dirname "$0")/../.."
target=test/fetched/compose
[ -d "$target/tests" ] && exit 0
command -v apt-get >/dev/null 2>&1 || {
  echo "$target is missing: put the sources of docker-compose 1.29.2 there" >&2
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/parts" "$work/lists/partial"
cat >"$work/parts/debian.sources" <<END
Types: deb-src
URIs: http://deb.debian.org/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
own_apt() {
  apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/parts" -o Dir::State::lists="$work/lists" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@" >/dev/null
}
own_apt update
(cd "$work" && own_apt source --download-only docker-compose)
mkdir -p "$work/sources" "$(dirname "$target")"
tar -xf "$work"/docker-compose_*.orig.tar.gz -C "$work/sources" --strip-components=1
mv "$work/sources" "$target"
