#!/bin/bash
# Build images from unpacked contexts, as many at a time as this host has processors.
# usage: build_images.sh FOLDER BASE_IMAGE [OPTION_OF_DOCKER_BUILD...]
# stdin: one image a line: its name, which is also that of its context in FOLDER, the reference it gets, the lock of its
# Python packages within the context, and build arguments as NAME=VALUE.
set -euo pipefail

# Download the locked packages with the interpreter that will run them, in a container of the base image, but with this
# host's package index and CA certificates. The image itself is then built without any network.
collect_wheels() {
    local requirements=$1 folder=$2 name file options
    mkdir -p "$folder"
    options=(--rm --pull never --volume "$folder:/wheels" --volume "$requirements:/requirements.txt:ro" --env HOME=/root)
    # indexes and proxies are passed by name, so that a password in them stays off the command line
    for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
        options+=(--env "$name")
    done
    local bundle=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}
    if [[ -r $bundle ]]; then
        options+=(--volume "$bundle:/etc/ssl/certs/ca-certificates.crt:ro" --env PIP_CERT=/etc/ssl/certs/ca-certificates.crt)
    fi
    if [[ -r /etc/pip.conf ]]; then
        options+=(--volume /etc/pip.conf:/etc/pip.conf:ro)
    fi
    # /root is the home inside the container
    for file in .config/pip/pip.conf .pip/pip.conf; do
        if [[ -r $HOME/$file ]]; then
            options+=(--volume "$HOME/$file:/root/$file:ro")
        fi
    done
    # the files must belong to the user who runs this, not to the container's root
    # shellcheck disable=SC2016 # the container's shell expands it
    docker run "${options[@]}" --env OWNER="$(id -u):$(id -g)" "$BASE" sh -euc '
        python3 -m venv /tmp/venv
        /tmp/venv/bin/pip download --quiet --no-input --disable-pip-version-check --only-binary :all: --no-deps \
            --require-hashes --requirement /requirements.txt --dest /wheels
        chown -R "$OWNER" /wheels'
}

build() {
    local name=$1 reference=$2 lock=$3 options=()
    shift 3
    for argument in "BASE_IMAGE=$BASE" PIP_NO_INDEX=1 "$@"; do
        options+=(--build-arg "$argument")
    done
    collect_wheels "$FOLDER/$name/$lock" "$FOLDER/$name/wheels"
    # the classic builder: Debian's engine has no other
    # shellcheck disable=SC2086 # no option, or several
    DOCKER_BUILDKIT=0 docker build --network none --label "zakaz.image=$name" --tag "$reference" $OPTIONS \
        "${options[@]}" --file "$(echo "$FOLDER/$name"/*/"$name"/Dockerfile)" "$FOLDER/$name"
}

if [[ $1 == --one ]]; then
    name=$2
    build "${@:2}" >"$FOLDER/$name.log" 2>&1 && exit 0
    printf 'The image of %s cannot be built. The end of its log:\n' "$name" >&2
    tail -n 15 "$FOLDER/$name.log" >&2
    exit 1
fi
export FOLDER=$1 BASE=$2 OPTIONS="${*:3}"
xargs --max-procs="$(nproc)" --max-lines=1 bash "$0" --one
