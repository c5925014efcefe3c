#!/bin/sh
# To be read by other scripts: fetch_source PACKAGE brings the files of a source package of Debian 12 to "$work", a new directory that goes
# with the script. The lists and sources of the host's own apt are not touched.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

own_apt() {
  apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/parts" -o Dir::State::lists="$work/lists" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@" >/dev/null
}

fetch_source() {
  mkdir -p "$work/parts" "$work/lists/partial"
  cat >"$work/parts/debian.sources" <<END
Types: deb-src
URIs: http://deb.debian.org/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
  own_apt update
  (cd "$work" && own_apt source --download-only "$1")
}
