#!/bin/sh
# Check the files that pipelines read: their schemas, and what an attacker could use in a workflow.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
check() {
    schema=$1
    shift
    check-jsonschema --quiet --builtin-schema "$schema" "$@"
}
check vendor.github-workflows .github/workflows/*.yml
check custom.github-workflows-require-timeout .github/workflows/*.yml
check vendor.github-actions .github/actions/*/action.yml
check-jsonschema --quiet --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci .gitlab-ci.yml
check vendor.renovate renovate.json
pre-commit validate-config
zizmor --quiet --offline --strict-collection .github
# actionlint is in no package registry, so it runs where it is installed, and in pipelines from its image. It does not
# know yet that $/ is the repository itself.
# renovate: datasource=docker depName=rhysd/actionlint
image=rhysd/actionlint:1.7.12@sha256:b1934ee5f1c509618f2508e6eb47ee0d3520686341fec936f3b79331f9315667
skipped=reports/skipped/actionlint.txt
rm -f "$skipped"
if command -v actionlint >/dev/null; then
    lint() { actionlint "$@"; }
elif [ "${GITHUB_ACTIONS:-}" = true ]; then
    lint() { docker run --rm --interactive --network none --volume "$PWD:/repo:ro" --workdir /repo "$image" "$@"; }
else
    # make audit tells it
    mkdir -p "${skipped%/*}"
    echo 'it is not installed: workflows were checked by their schemas and zizmor alone' >"$skipped"
    echo "SKIPPED actionlint: $(cat "$skipped")"
    exit 0
fi
for workflow in .github/workflows/*.yml; do
    sed 's|uses: \$/|uses: ./|' "$workflow" | lint -stdin-filename "$workflow" -
done
