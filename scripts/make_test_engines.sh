#!/bin/sh
# One virtual environment an engine version under .cache/engines, for the schema tests.
# An environment whose lock and Python are unchanged is reused.  Usage: make_test_engines.sh [version…]
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}
[ $# -gt 0 ] || set -- 24.8 26.3 26.9
for version in "$@"; do
    lock=requirements/engine-$version.txt
    home=.cache/engines/$version
    [ -f "$lock" ] || { echo "There is no $lock; engines: 24.8 26.3 26.9" >&2; exit 2; }
    stamp=$({ cat "$lock"; "$python" --version; } | sha256sum | cut -d ' ' -f 1)
    if [ "$(cat "$home/stamp" 2>/dev/null)" = "$stamp" ]; then
        echo "engine $version: ready"
        continue
    fi
    rm -rf "$home"
    mkdir -p "$(dirname "$home")"
    "$python" -m venv "$home"
    echo "engine $version: installing"
    # uv is quick, but knows nothing of the host's pip configuration; pip is asked where it finds no way
    if ! { [ -x .venv/bin/uv ] &&
        .venv/bin/uv pip install --quiet --python "$home/bin/python" --require-hashes -r "$lock" 2>/dev/null; }; then
        "$home/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    fi
    echo "$stamp" >"$home/stamp"
    echo "engine $version: ready"
done
