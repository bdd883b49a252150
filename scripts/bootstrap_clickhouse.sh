#!/bin/sh
# Create the warehouse's databases, tables, views and city aliases in any reachable ClickHouse: plain shell and curl.
# Can be run any number of times. It creates what is missing and replaces views; a table that exists is left as it is:
# changes of tables are the work of playbooks/schema.yml, which compares and says what it will do.
#
# Usage: bootstrap_clickhouse.sh [--host HOST] [--port PORT] [--user USER] [--password-file FILE] [--secure]
#                                [--set NAME=VALUE]... [--dry-run]
# Environment: CLICKHOUSE_HOST, CLICKHOUSE_PORT, CLICKHOUSE_USER, CLICKHOUSE_PASSWORD (or CLICKHOUSE_PASSWORD_FILE).
# Exit codes: 0 done, 64 wrong usage, 69 ClickHouse does not answer, 70 it refused a statement, 77 it refused the user.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
templates=$root/templates/ddl
defaults=$root/roles/clickhouse_schema/defaults/main.yml
host=${CLICKHOUSE_HOST:-127.0.0.1}
port=${CLICKHOUSE_PORT:-8123}
user=${CLICKHOUSE_USER:-default}
password_file=${CLICKHOUSE_PASSWORD_FILE:-}
scheme=http
dry_run=no

stop() {
    code=$1
    shift
    echo "$*" >&2
    exit "$code"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
chmod 700 "$work"

# clickhouse_schema_* of the role that are plain values: name<TAB>value
sed -n 's/^\(clickhouse_schema_[a-z_]*\): *\(.*\)$/\1	\2/p' "$defaults" | sed 's/	"\(.*\)"$/	\1/' >"$work/variables"

while [ $# -gt 0 ]; do
    case $1 in
    --host) host=${2:?--host needs a value} && shift 2 ;;
    --port) port=${2:?--port needs a value} && shift 2 ;;
    --user) user=${2:?--user needs a value} && shift 2 ;;
    --password-file) password_file=${2:?--password-file needs a value} && shift 2 ;;
    --secure) scheme=https && shift ;;
    --dry-run) dry_run=yes && shift ;;
    --set)
        case ${2:?--set needs NAME=VALUE} in
        clickhouse_schema_*=*) printf '%s\t%s\n' "${2%%=*}" "${2#*=}" >>"$work/variables" ;;
        *) stop 64 "--set $2: write --set clickhouse_schema_NAME=VALUE" ;;
        esac
        shift 2
        ;;
    -h | --help) sed -n '2,10p' "$0" | sed 's/^# \{0,1\}//' && exit 0 ;;
    *) stop 64 "unknown argument $1; see --help" ;;
    esac
done

# a sed script that fills {{ name }}; the last value of a name wins
awk -F '\t' '{ value[$1] = $2 }
    END { for (name in value) { text = value[name]; gsub(/[\\&|]/, "\\\\&", text); printf "s|{{ *%s *}}|%s|g\n", name, text } }' \
    "$work/variables" >"$work/fill.sed"

# the password goes to curl in a file that only we can read, never on its command line
if [ -n "$password_file" ]; then
    [ -r "$password_file" ] || stop 64 "the password file $password_file cannot be read"
    password=$(cat "$password_file")
else
    password=${CLICKHOUSE_PASSWORD:-}
fi
(
    umask 077
    {
        printf 'X-ClickHouse-User: %s\n' "$user"
        [ -z "$password" ] || printf 'X-ClickHouse-Key: %s\n' "$password"
    } >"$work/headers"
)

url=$scheme://$host:$port/
if [ "$dry_run" = no ]; then
    command -v curl >/dev/null || stop 69 "curl is not installed: apt-get install curl"
    curl --silent --show-error --max-time 10 --output /dev/null "${url}ping" 2>"$work/error" ||
        stop 69 "ClickHouse does not answer at $url: $(cat "$work/error")"
fi

count=0
for template in "$templates"/*.sql.j2; do
    name=$(basename "$template" .sql.j2)
    sed -f "$work/fill.sed" "$template" >"$work/statement"
    if grep -n '{{' "$work/statement" >"$work/left"; then
        stop 64 "$name: line $(cut -d : -f 1 "$work/left" | head -n 1): a variable has no value; give it with --set"
    fi
    # one statement a file: the closing semicolon is not sent
    sed -e '$ s/; *$//' "$work/statement" >"$work/body"
    count=$((count + 1))
    if [ "$dry_run" = yes ]; then
        echo "$name"
        continue
    fi
    status=$(curl --silent --show-error --max-time 300 --header @"$work/headers" --data-binary @"$work/body" \
        --output "$work/answer" --write-out '%{http_code}' "${url}?wait_end_of_query=1" 2>"$work/error") ||
        stop 69 "$name: ClickHouse does not answer at $url: $(cat "$work/error")"
    case $status in
    200) ;;
    401 | 403) stop 77 "ClickHouse refuses the user $user: check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD" ;;
    *)
        if grep -q 'AUTHENTICATION_FAILED' "$work/answer"; then
            stop 77 "ClickHouse refuses the user $user: check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD"
        fi
        stop 70 "templates/ddl/$name.sql.j2: $(head -c 600 "$work/answer")"
        ;;
    esac
done
if [ "$dry_run" = yes ]; then
    echo "$count statements would be sent to $url"
else
    echo "ClickHouse at $url holds the schema: $count statements, none failed."
fi
