#!/bin/sh
# Write bills of materials (CycloneDX) of every locked set of Python packages into reports/sbom. Those of the whole
# images come from scripts/scan_images.sh.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
mkdir -p reports/sbom
for lock in requirements/*.txt; do
    name=$(basename "$lock" .txt)
    [ "$name" = excludes ] && continue
    cyclonedx-py requirements --output-reproducible --output-file "reports/sbom/$name.cdx.json" "$lock" 2>/dev/null
done
echo "Bills of materials of $(find reports/sbom -name '*.cdx.json' | wc -l) sets of packages are in reports/sbom."
