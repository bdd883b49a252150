#!/bin/sh
# Remove a deployment from this host. Prints a line for each thing removed or kept.
# usage: remove.sh NAME FOLDER keep-data|with-data
set -eu
name=$1 folder=$2 data=$3

for unit in /etc/systemd/system/"$name"-*.timer /etc/systemd/system/"$name"-*.service; do
    [ -e "$unit" ] || continue
    systemctl disable --now --quiet "${unit##*/}" || true
    rm -f "$unit"
    echo "removed unit ${unit##*/}"
    reload=yes
done
[ -z "${reload:-}" ] || systemctl daemon-reload

if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
    ours=label=zakaz.deployment=$name
    for id in $(docker ps --all --quiet --filter "$ours"); do
        echo "removed container $(docker inspect --format '{{ .Name }}' "$id" | tr -d /)"
        docker rm --force --volumes "$id" >/dev/null
    done
    for id in $(docker network ls --quiet --filter "$ours"); do
        docker network rm "$id" | sed 's/.*/removed network &/'
    done
    for volume in $(docker volume ls --quiet --filter "$ours"); do
        if [ "$data" = with-data ]; then
            docker volume rm "$volume" | sed 's/^/removed volume /'
        else
            echo "kept volume $volume (remove it with CONFIRM=yes)"
        fi
    done
    # images are named by content and shared by all deployments of this host
    if [ -n "$(docker network ls --quiet --filter label=zakaz.deployment)" ]; then
        echo 'kept images: another deployment of this host uses them'
    else
        for image in $(docker images --filter label=zakaz.image --format '{{ .Repository }}:{{ .Tag }}' | grep -v '<none>' | sort); do
            docker rmi "$image" >/dev/null
            echo "removed image $image"
        done
        # stages of the builds
        docker image prune --force --filter label=zakaz.image >/dev/null
    fi
fi

if [ -d "$folder" ]; then
    rm -rf "$folder"
    echo "removed $folder"
fi
