#!/bin/sh
# Deploy once more what was deployed before: the code, the images and the committed settings of that commit. What git does
# not have (hosts of yours) stays as it is now, and so does the Vault: older passwords may be refused by now.
# Usage: rollback.sh INVENTORY TO ANSIBLE_PLAYBOOK_ARGUMENTS…; TO is a commit, or empty for the previous one
set -eu
cd "$(dirname "$0")/.."
repository=$PWD
inventory=$1
to=$2
shift 2
scratch=$(mktemp --directory)
clean_up() {
    git -C "$repository" worktree remove --force "$scratch/tree" 2>/dev/null || true
    rm -rf "$scratch"
    git -C "$repository" worktree prune
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

.venv/bin/ansible-playbook -i "inventories/$inventory" playbooks/rollback.yml \
    -e "history_rollback_to=$to" -e "history_rollback_file=$scratch/commit" "$@"
commit=$(cat "$scratch/commit")
git cat-file -e "$commit^{commit}" 2>/dev/null || {
    echo "This clone does not have the commit $commit that was deployed. Fetch it (git fetch --all), and try again." >&2
    exit 78
}
git worktree add --quiet --detach "$scratch/tree" "$commit"
{
    git ls-files --others -z -- "inventories/$inventory"
    find "inventories/$inventory" -name 'vault.y*ml' -print0
    # an inventory may be kept elsewhere, and linked here
} | xargs --null --no-run-if-empty cp --parents --recursive --dereference --target-directory "$scratch/tree"
# from here still: arguments may name files beside us
ANSIBLE_CONFIG="$scratch/tree/ansible.cfg" .venv/bin/ansible-playbook -i "$scratch/tree/inventories/$inventory" \
    "$scratch/tree/playbooks/site.yml" -e history_verb=rollback "$@"
