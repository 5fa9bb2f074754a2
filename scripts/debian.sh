#!/bin/sh
# What the tests need of Debian's packages, when they run on a machine of their own (CI=true): a browser, what tells
# which writes a process asked for (the power cuts), a second opinion on time stamps.
# Elsewhere install what you like of it by hand: tests that miss one say so and are skipped.
set -eu
packages="chromium openssl strace"
missing=""
for package in $packages; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086
apt-get install -y -q --no-install-recommends $missing
