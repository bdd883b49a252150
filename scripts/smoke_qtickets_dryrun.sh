#!/bin/sh
# Builds the image of the Qtickets loader, runs its dry run in it, and checks that the run was one:
# exit code 0, stub mode in the log, a last line that says success, and no Traceback.
#
#   scripts/smoke_qtickets_dryrun.sh --env-file test_env/.env.template
#
# BASE_IMAGE=…  the base image (default: zakaz/base:debian12, else the newest zakaz/base image of this host)
# IMAGE=…       an image that is built already: the build is skipped
set -eu

fail() {
    echo "smoke_qtickets_dryrun: $1" >&2
    exit 1
}

env_file=
while [ $# -gt 0 ]; do
    case $1 in
        --env-file)
            [ $# -ge 2 ] || fail "--env-file needs the path of a file, such as test_env/.env.template"
            env_file=$2
            shift 2
            ;;
        -h | --help)
            sed -n '2,9s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *) fail "unknown argument $1; usage: $0 --env-file test_env/.env.template" ;;
    esac
done
[ -n "$env_file" ] || fail "give --env-file test_env/.env.template"
[ -r "$env_file" ] || fail "the env file $env_file cannot be read"
env_file=$(cd "$(dirname "$env_file")" && pwd)/$(basename "$env_file")
command -v docker >/dev/null || fail "the command docker was not found; install Docker, or run 'make deploy' once"
docker version --format '{{.Server.Version}}' >/dev/null 2>&1 || fail "the Docker engine does not answer; start it"

root=$(cd "$(dirname "$0")/.." && pwd)
source=$(cd "$root/integrations" && echo qtickets*)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

image=${IMAGE:-}
if [ -z "$image" ]; then
    base=${BASE_IMAGE:-}
    if [ -z "$base" ]; then
        base=zakaz/base:debian12
        docker image inspect "$base" >/dev/null 2>&1 ||
            base=$(docker image ls --filter reference='zakaz/base:*' --format '{{.Repository}}:{{.Tag}}' | head -n 1)
        [ -n "$base" ] ||
            fail "there is no base image zakaz/base on this host; run 'make deploy' once, or name one with BASE_IMAGE"
    fi
    docker image inspect "$base" >/dev/null 2>&1 || docker pull --quiet "$base" >/dev/null ||
        fail "the base image $base is not here and cannot be pulled; run 'make deploy' once, or name one with BASE_IMAGE"

    # Wheels are collected with this host's package index and CA, so that the build needs neither. Without pip here,
    # the build asks the index by itself.
    context=$work/context
    mkdir "$context"
    (
        cd "$root"
        tar -cf - requirements/loader.txt module_utils/source_file.py module_utils/whole_file.py \
            module_utils/zakaz_clickhouse packages/zakaz_common/src "integrations/$source"
    ) | tar -xf - -C "$context"
    index_off=
    arch=$(uname -m)
    if python3 -m pip download --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
        --python-version 3.11 --implementation cp --abi cp311 --platform "manylinux_2_28_$arch" \
        --platform "manylinux2014_$arch" --platform "manylinux_2_17_$arch" \
        --requirement "$root/requirements/loader.txt" --dest "$context/wheels" >"$work/pip.log" 2>&1; then
        index_off=1
    else
        rm -rf "$context/wheels"
        echo "wheels could not be collected on this host; the build fetches them" >&2
    fi
    image=zakaz/$(echo "$source" | tr _ -):smoke
    echo "building $image on $base"
    tar -cf - -C "$context" . |
        docker build --quiet --file "integrations/$source/Dockerfile" --build-arg BASE_IMAGE="$base" \
            --build-arg PIP_NO_INDEX="$index_off" --tag "$image" - >"$work/build.log" 2>&1 || {
        cat "$work/build.log" >&2
        fail "the image does not build; the end of the build's output is above"
    }
fi

echo "dry run of $image with $(basename "$env_file")"
code=0
docker run --rm --user 10001:10001 --read-only --tmpfs /tmp --cap-drop ALL --network none --env-file "$env_file" \
    "$image" run --dry-run >"$work/run.log" 2>&1 || code=$?
cat "$work/run.log"
[ "$code" -eq 0 ] || fail "the dry run ended with exit code $code, 0 was expected; its log is above"
grep -q 'stub mode' "$work/run.log" || fail "the log does not say that the run was in stub mode"
if grep -q 'Traceback' "$work/run.log"; then
    fail "the log holds a Traceback"
fi
tail -n 1 "$work/run.log" | grep -q '"event": "run_finished".*"status": "success".*"dry_run": true' ||
    fail "the last line of the log is not that of a successful dry run"
echo "smoke_qtickets_dryrun: passed"
