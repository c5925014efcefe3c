#!/bin/sh
# Brings moby's description of docker's Engine API out of Debian's source package docker.io to test/fetched/docker-api.yaml. Nothing is
# done where it is there.
set -eu
cd "$(dirname "$0")/../.."
target=test/fetched/docker-api.yaml
[ -s "$target" ] && exit 0
command -v apt-get >/dev/null 2>&1 || {
  echo "$target is missing: put api/swagger.yaml of moby 20.10 there" >&2
  exit 1
}
. test/support/debian-source.sh
fetch_source docker.io
mkdir -p test/fetched
for archive in "$work"/docker.io_*.orig.tar.xz; do
  tar -xJf "$archive" -C "$work" --wildcards '*/engine/api/swagger.yaml'
done
cp "$work"/moby-*/engine/api/swagger.yaml "$target.new"
mv "$target.new" "$target"
