#!/bin/sh
# Build the base image from Debian packages, for hosts that reach no container registry.
# usage: build_from_packages.sh IMAGE RELEASE PACKAGES [MIRROR]   (PACKAGES separated by commas)
set -eu
image=$1 release=$2 packages=$3 mirror=${4:-}

if [ -z "$mirror" ]; then
    # the host's own first Debian mirror, so that a company mirror or a proxy rule is respected
    # shellcheck disable=SC2016 # the format is apt's, not the shell's
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN)' 'Created-By: Packages' |
        awk '$2 == "Debian" && $1 !~ /security/ {print $1; exit}')
    mirror=${mirror:-http://deb.debian.org/debian}
fi
security=${mirror%/}
security=${security%/debian}/debian-security

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
# an archive first, an import second: a failed build must not leave a half image
printf 'deb %s %s main\ndeb %s %s-updates main\ndeb %s %s-security main\n' \
    "$mirror" "$release" "$mirror" "$release" "$security" "$release" >"$work/sources.list"
mmdebstrap --quiet --variant=minbase --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    "$release" "$work/base.tar" "$work/sources.list"
docker import --change 'CMD ["/bin/bash"]' --change 'LABEL zakaz.image=base' "$work/base.tar" "$image"
