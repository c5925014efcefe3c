#!/bin/sh
# Brings the Dockerfiles that are in Debian's source packages of docker and buildah (both test their builders with them) to
# test/fetched/dockerfiles. Nothing is done where they are there.
set -eu
cd "$(dirname "$0")/../.."
target=test/fetched/dockerfiles
[ -d "$target" ] && exit 0
command -v apt-get >/dev/null 2>&1 || {
  echo "$target is missing: put the Dockerfiles of docker 20.10 and buildah 1.28 there" >&2
  exit 1
}
. test/support/debian-source.sh
mkdir -p test/fetched "$work/dockerfiles"
for package in docker.io golang-github-containers-buildah; do
  fetch_source "$package"
done
# Not each of them has both names, of which tar complains.
for archive in "$work"/*.orig*.tar.xz; do
  tar -xJf "$archive" -C "$work/dockerfiles" --no-anchored --wildcards --exclude='*.go' --exclude='*.md' --exclude='*.tm*' \
    --exclude='*.nanorc' --exclude='*.dockerignore' 'Dockerfile*' 'Containerfile*' 2>/dev/null || true
done
find "$work/dockerfiles" -type l -delete
rm -rf "$target.new"
cp -r "$work/dockerfiles" "$target.new"
mv "$target.new" "$target"
