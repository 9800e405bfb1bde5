#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: bash aarch64_sysroot.sh DIR
#
# Fills DIR with what the programs and their tests are compiled with for 64-bit ARM, headers and, of GoogleTest, a library:
# Debian's packages of the host's own release and package source, unpacked, not installed. Neither needs root nor changes the
# host's package system.
set -euo pipefail

PACKAGES=(libprotozero-dev libxxhash-dev libgtest-dev libcli11-dev nlohmann-json3-dev)

if [[ $# -ne 1 || $1 == -* ]]; then
  echo "usage: bash aarch64_sysroot.sh DIR" >&2
  exit 2
fi
if [[ -f $1/complete && $(<"$1/complete") == "${PACKAGES[*]}" ]]; then
  exit 0
fi
command -v apt-get >/dev/null || {
  echo "aarch64_sysroot.sh: needs apt-get; elsewhere unpack ${PACKAGES[*]} for arm64 into $1 by hand" >&2
  exit 2
}
mkdir -p "$1"
folder=$(cd "$1" && pwd)
download=$(mktemp -d)
trap 'rm -rf "$download"' EXIT
mkdir -p "$download"/{lists,cache/archives}/partial
# A package system of its own, for another architecture, with the host's sources and keys.
options=(
  -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root
  -o "Dir::State::Lists=$download/lists" -o "Dir::Cache=$download/cache" -o Dir::State::status=/dev/null
)
cd "$download"
{ apt-get "${options[@]}" update && apt-get "${options[@]}" download "${PACKAGES[@]}"; } >&2 || {
  echo "aarch64_sysroot.sh: the packages could not be fetched; apt's message stands above" >&2
  exit 2
}
for package in *.deb; do
  dpkg-deb -x "$package" "$folder"
done
echo "${PACKAGES[*]}" >"$folder/complete"
