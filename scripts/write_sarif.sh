#!/bin/sh
# Write what the linters and the schema checker find as SARIF 2.1.0 into reports/sarif; fails when one finds something.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
out=reports/sarif
mkdir -p "$out"
failed=
write() {
    name=$1
    shift
    "$@" >"$out/$name.sarif" || failed="$failed $name"
}
# shellcheck disable=SC2046 # names without spaces
write hadolint hadolint --format sarif $(git ls-files '*Dockerfile')
write zizmor zizmor --quiet --offline --format sarif .github
write ruff ruff check --output-format sarif .
write schema python scripts/validate_clickhouse_schema.py --format sarif
[ -z "$failed" ] || {
    echo "Findings of:$failed, see $out" >&2
    exit 1
}
