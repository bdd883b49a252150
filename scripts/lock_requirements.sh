#!/bin/sh
# Write requirements/*.txt anew from requirements/*.in: exact versions with hashes, valid for Python 3.11 and newer.
# A lock that still satisfies its .in stays as it is; UPGRADE=1 takes the newest releases.
set -eu
cd "$(dirname "$0")/../requirements"
PATH="$PWD/../.venv/bin:$PATH"
# develop last: it repeats what the others have locked
lock() {
    uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header --excludes excludes.txt \
        ${UPGRADE:+--upgrade} "$@"
}
for input in ./*.in; do
    [ "$input" = ./develop.in ] && continue
    lock "$input" --output-file "${input%.in}.txt"
    echo "locked ${input%.in}.txt"
done
# last, because it repeats what the others have locked
lock --constraint controller.txt --constraint target.txt --constraint loader.txt --constraint sandbox.txt \
    --constraint embedded-26.3.txt develop.in --output-file develop.txt
echo 'locked develop.txt'
