#!/bin/sh
# Install the Debian programs that tests run: promtool, rclone, age, ssh, rsync, curl. Where all are there it does
# nothing; it needs root, or a sudo that asks nothing.
set -eu

missing=''
for program in promtool:prometheus rclone:rclone age:age ssh:openssh-client rsync:rsync curl:curl; do
    command -v "${program%%:*}" >/dev/null || missing="$missing ${program#*:}"
done
[ -n "$missing" ] || exit 0

stop() {
    echo "$1. Tests need$missing: sudo apt-get install --no-install-recommends$missing" >&2
    exit 69
}
command -v apt-get >/dev/null || stop 'There is no apt-get here, and this script knows Debian and Ubuntu only'
as_root=''
if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || stop 'Only root installs packages, and sudo asks for a password'
    as_root='sudo -n'
fi
quietly() {
    # an Ansible run beside this one may hold the lock
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >/dev/null
}

echo "Installing for the tests:$missing"
quietly update || stop 'The package lists cannot be read; is a Debian mirror in reach?'
whole=''
for package in $missing; do
    [ "$package" = prometheus ] || whole="$whole $package"
done
# shellcheck disable=SC2086
[ -z "$whole" ] || quietly install --yes --no-install-recommends $whole || stop 'apt-get install failed'
# promtool alone: its package would start a server, now and at every boot
take_promtool() {
    (cd "$1" && apt-get -qq -o APT::Sandbox::User=root download prometheus >/dev/null) &&
        dpkg-deb --fsys-tarfile "$1"/prometheus_*.deb | tar -x -C "$1" ./usr/bin/promtool &&
        $as_root install -m 755 "$1/usr/bin/promtool" /usr/local/bin/promtool
}
case $missing in
*prometheus*)
    place=$(mktemp -d)
    trap 'rm -rf "$place"' EXIT
    take_promtool "$place" || stop 'promtool cannot be taken out of the package prometheus'
    ;;
esac
