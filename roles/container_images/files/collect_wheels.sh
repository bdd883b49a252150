#!/bin/sh
# Download the locked Python packages with the interpreter that will run them, in a container of the base image, but with
# this host's package index and CA certificates. The image itself is then built without any network.
# usage: collect_wheels.sh BASE_IMAGE REQUIREMENTS FOLDER
set -eu
base=$1 requirements=$2 folder=$3
mkdir -p "$folder"

set -- --rm --pull never --volume "$folder:/wheels" --volume "$requirements:/requirements.txt:ro" --env HOME=/root
# indexes and proxies are passed by name, so that a password in them stays off the command line
for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
    set -- "$@" --env "$name"
done
bundle=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}
if [ -r "$bundle" ]; then
    set -- "$@" --volume "$bundle:/etc/ssl/certs/ca-certificates.crt:ro" --env PIP_CERT=/etc/ssl/certs/ca-certificates.crt
fi
if [ -r /etc/pip.conf ]; then
    set -- "$@" --volume /etc/pip.conf:/etc/pip.conf:ro
fi
for file in .config/pip/pip.conf .pip/pip.conf; do
    if [ -r "$HOME/$file" ]; then
        set -- "$@" --volume "$HOME/$file:/root/$file:ro"
    fi
done
# the files must belong to the user who runs this, not to the container's root
docker run "$@" --env OWNER="$(id -u):$(id -g)" "$base" sh -euc '
    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip download --quiet --no-input --disable-pip-version-check --only-binary :all: --no-deps \
        --require-hashes --requirement /requirements.txt --dest /wheels
    chown -R "$OWNER" /wheels'
