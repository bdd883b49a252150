#!/bin/sh
# Write requirements/*.txt anew from requirements/*.in: exact versions with hashes, valid for Python 3.11 and newer.
# A lock that still satisfies its .in stays as it is; UPGRADE=1 takes the newest releases.
set -eu
cd "$(dirname "$0")/../requirements"
PATH="$PWD/../.venv/bin:$PATH"
# develop last: it repeats what the others have locked
for input in $(ls ./*.in | grep -v develop) ./develop.in; do
    constraints=
    if [ "$input" = ./develop.in ]; then
        for lock in controller target loader sandbox embedded-26.3; do
            constraints="$constraints --constraint $lock.txt"
        done
    fi
    # shellcheck disable=SC2086 # the constraints are several words
    uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header \
        ${UPGRADE:+--upgrade} $constraints "$input" --output-file "${input%.in}.txt"
    echo "locked ${input%.in}.txt"
done
