#!/bin/sh
# Ask PyPI for known vulnerabilities of every package in requirements/*.txt; the answers go to reports/pip-audit.
# A package that the service does not know is a failure: an audit that looked at nothing must not look green.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
mkdir -p reports/pip-audit
failed=
for lock in requirements/*.txt; do
    name=$(basename "$lock" .txt)
    [ "$name" = excludes ] && continue
    echo "$lock"
    pip-audit --strict --disable-pip --require-hashes --progress-spinner off --requirement "$lock" \
        --format json --output "reports/pip-audit/$name.json" || failed="$failed $name"
done
[ -z "$failed" ] || {
    echo "Not clean, or not answered for:$failed. See above; reports/pip-audit has the details." >&2
    exit 1
}
