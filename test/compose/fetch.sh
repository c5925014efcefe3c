#!/bin/sh
# Brings docker-compose 1.29 with its own tests out of Debian's source package to test/fetched/compose. Nothing is done where it is there.
set -eu
cd "$(dirname "$0")/../.."
target=test/fetched/compose
[ -d "$target/tests" ] && exit 0
command -v apt-get >/dev/null 2>&1 || {
  echo "$target is missing: put the sources of docker-compose 1.29.2 there" >&2
  exit 1
}
. test/support/debian-source.sh
fetch_source docker-compose
mkdir -p "$work/sources" "$(dirname "$target")"
tar -xf "$work"/docker-compose_*.orig.tar.gz -C "$work/sources" --strip-components=1
mv "$work/sources" "$target"
