#!/bin/sh
# Brings moby's description of docker's Engine API out of Debian's source package docker.io to test/fetched/docker-api.yaml. Nothing is
# done where it is there. The lists and sources of the host's own apt are not touched.
set -eu
cd "$(dirname "$0")/../.."
target=test/fetched/docker-api.yaml
[ -s "$target" ] && exit 0
command -v apt-get >/dev/null 2>&1 || {
  echo "$target is missing: put api/swagger.yaml of moby 20.10 there" >&2
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
(cd "$work" && own_apt source --download-only docker.io)
mkdir -p test/fetched
for archive in "$work"/docker.io_*.orig.tar.xz; do
  tar -xJf "$archive" -C "$work" --wildcards '*/engine/api/swagger.yaml'
done
cp "$work"/moby-*/engine/api/swagger.yaml "$target.new"
mv "$target.new" "$target"
