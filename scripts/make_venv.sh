#!/bin/sh
# Make the controller's virtual environment; on a bare Debian, install what is missing for that first.
# usage: make_venv.sh PYTHON FOLDER
set -eu
python=$1 folder=$2

command -v "$python" >/dev/null || {
    echo "$python is not installed. Install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3 …" >&2
    exit 1
}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "$("$python" --version) is too old; Python 3.11 or newer is needed. Name one: make PYTHON=/path/to/python3.11 …" >&2
    exit 1
}
# Debian packs ensurepip separately
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo 'Installing python3-venv'
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
    else
        echo "This Python makes no virtual environments. Run: sudo apt-get install python3-venv" >&2
        exit 1
    fi
fi
"$python" -m venv "$folder"
