#!/bin/sh
# Every tracked shell script goes through shellcheck, whatever it is called, and so do templates of scripts: what Jinja
# fills in is a word there.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
first_line='^#! ?/(usr/)?bin/(env )?(ba|da)?sh'
# shellcheck disable=SC2046
shellcheck $(git grep -lE "$first_line" -- ':!*.j2' ':!*.md')
for template in $(git grep -lE "$first_line" -- '*.j2'); do
    sed 's/{#[^#]*#}//g; s/{%[^%]*%}//g; s/{{[^}]*}}/word/g' "$template" | shellcheck --shell=sh - || {
        echo "in $template" >&2
        exit 1
    }
done
