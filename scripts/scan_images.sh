#!/bin/sh
# Scan the images that `make images` built for known vulnerabilities and secrets, with Trivy: the program if it is
# installed, else its image. Fails for a HIGH or CRITICAL one that has a fix. Reports and bills of materials go to
# reports/trivy.
set -eu
cd "$(dirname "$0")/.."
# renovate: datasource=docker depName=aquasec/trivy
image=aquasec/trivy:0.73.0@sha256:7cced7cae583819fc7806d4cbc0dbbc7cad18b99f7d3e235192e6da8c091045c
out=reports/trivy
mkdir -p "$out"
if command -v trivy >/dev/null; then
    scan() { trivy "$@"; }
elif docker pull --quiet "$image" >/dev/null 2>&1; then
    scan() {
        # /root is the home inside the container
        docker run --rm --volume /var/run/docker.sock:/var/run/docker.sock --volume zakaz-trivy:/root/.cache \
            --volume "$PWD/$out:/scan/$out" --workdir /scan "$image" "$@"
    }
else
    echo "Trivy is not installed and its image cannot be pulled: install it, or run this where a registry answers." >&2
    exit 69
fi
refs=$(docker image ls --filter 'reference=zakaz-proof/*' --format '{{.Repository}}:{{.Tag}}')
[ -n "$refs" ] || {
    echo 'There are no images to scan: run make images first.' >&2
    exit 66
}
failed=
for ref in $refs; do
    name=$(basename "${ref%:*}")
    scan image --quiet --scanners vuln,secret --format json --output "$out/$name.json" "$ref"
    scan convert --format sarif --output "$out/$name.sarif" "$out/$name.json"
    scan image --quiet --format cyclonedx --output "$out/$name.cdx.json" "$ref"
    scan image --quiet --scanners vuln,secret --ignore-unfixed --severity HIGH,CRITICAL --exit-code 1 "$ref" ||
        failed="$failed $name"
done
[ -z "$failed" ] || {
    echo "HIGH or CRITICAL with a fix in:$failed. Raise the base or the package, then build anew." >&2
    exit 1
}
