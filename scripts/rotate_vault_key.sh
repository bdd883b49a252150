#!/bin/sh
# Encrypt an inventory's secrets with another Vault key, and prove that the old one is refused.
# Usage: rotate_vault_key.sh VAULT_FILE OLD_KEY_FILE NEW_KEY_FILE
set -eu
PATH="$(dirname "$0")/../.venv/bin:$PATH"
if [ $# -ne 3 ]; then
    echo "Name two files: make rotate SECRET=vault INVENTORY=production ARGS='file-of-the-old-key file-of-the-new-key'" >&2
    exit 78
fi
vault=$1 old=$2 new=$3

opens() {
    ansible-vault view --vault-password-file "$1" "$vault" 2>/dev/null
}
refuse() {
    echo "$1 Nothing was changed." >&2
    exit 78
}

for file in "$vault" "$old" "$new"; do
    [ -s "$file" ] || refuse "$file is missing or empty."
done
secrets=$(opens "$old") || refuse "The key in $old does not open $vault."
! opens "$new" >/dev/null || refuse "The key in $new opens $vault already: make another (openssl rand -hex 32)."
ansible-vault rekey --vault-password-file "$old" --new-vault-password-file "$new" "$vault" >/dev/null
[ "$(opens "$new")" = "$secrets" ] || { echo "$vault holds other secrets than before: bring back a copy, from git if it is there." >&2; exit 1; }
! opens "$old" >/dev/null || { echo "$vault still opens with the old key." >&2; exit 1; }
echo "$vault opens with the key in $new and no longer with that in $old. Give the new key to pipelines and people, and commit the file if git keeps it."
