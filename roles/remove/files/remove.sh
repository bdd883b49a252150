#!/bin/sh
# Remove a deployment from this host. Prints a line for each thing removed or kept.
# usage: remove.sh NAME FOLDER keep-data|with-data BACKUPS METRICS PREFIX
# BACKUPS is the folder of the backups, METRICS the file that Prometheus' node exporter reads; empty: there is none. PREFIX
# begins the names of our images.
set -eu
name=$1 folder=$2 data=$3 backups=$4 metrics=$5 prefix=$6
found=''
[ ! -d "$folder" ] || found=yes

if [ -d "$folder" ]; then
    # an engine that is down would bring its containers back, over folders that are gone
    if command -v docker >/dev/null && ! docker info >/dev/null 2>&1; then
        echo "Docker does not answer, so nothing was removed. Start it and run make remove again." >&2
        exit 1
    fi
    if [ ! -e "$folder/target-requirements.txt" ] && [ -n "$(ls -A "$folder")" ]; then
        echo "zakaz_dir=$folder holds no deployment of ours, so nothing was removed. Name the right folder." >&2
        exit 1
    fi
fi

# by what they start: another deployment's name may begin with ours
for service in /etc/systemd/system/"$name"-*.service; do
    grep -qsF "ExecStart=$folder/" "$service" || continue
    unit=$(basename "$service" .service)
    systemctl disable --now --quiet "$unit.timer" || true
    systemctl clean --what=state "$unit.timer" 2>/dev/null || true
    rm -f "$service" "${service%.service}.timer"
    echo "removed units $unit.service, $unit.timer"
    reload=yes found=yes
done
[ -z "${reload:-}" ] || systemctl daemon-reload

# before the containers: a loader that somebody starts by hand after them would outlive what it runs on
[ ! -d "$folder" ] || find "$folder" -maxdepth 1 -type f -name "$name-*" -delete

# else Prometheus would alert for ever on what is no more
if [ -n "$metrics" ]; then
    for file in "$metrics" "$(dirname "$metrics")/.$(basename "$metrics")".*.draft; do
        [ ! -e "$file" ] || { rm -f "$file" && echo "removed $file"; }
    done
fi

# the kernel forgets them at its next boot
for file in /etc/sysctl.d/90-"$name".conf /etc/tmpfiles.d/"$name".conf; do
    [ ! -e "$file" ] || { rm -f "$file" && echo "removed $file"; }
done

if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
    ours=label=zakaz.deployment=$name
    [ -z "$(docker ps --all --quiet --filter "$ours"; docker volume ls --quiet --filter "$ours")" ] || found=yes
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
            echo "kept data: volume $volume (docker volume rm $volume, or make remove CONFIRM=yes)"
        fi
    done
    # images are named by content and shared by all deployments of this host
    if [ -z "$found" ]; then
        :
    elif [ -n "$(docker network ls --quiet --filter label=zakaz.deployment)" ]; then
        echo 'kept images: another deployment of this host uses them (its own next make deploy removes what it does not need)'
    else
        for image in $(docker images --filter label=zakaz.image --format '{{ .Repository }}:{{ .Tag }}' | grep "^$prefix/" | grep -v '<none>' | sort); do
            if docker rmi "$image" >/dev/null 2>&1; then
                echo "removed image $image"
            else
                echo "kept image $image: another container uses it"
            fi
        done
        # stages of the builds
        docker image prune --force --filter label=zakaz.image >/dev/null || echo 'kept stages of builds: Docker is busy with them'
    fi
fi

if [ -d "$folder" ]; then
    rm -rf "$folder"
    echo "removed $folder, with the history in it"
fi

# the only copy of the data, maybe: never removed by a program
if [ -d "$backups" ]; then
    # without our marks there is nothing in it
    if [ "$data" = with-data ] && [ -z "$(find "$backups" -mindepth 1 ! -name .zakaz-backups ! -name .lock)" ]; then
        rm -r "$backups"
        echo "removed $backups, which held no backup"
    else
        echo "kept backups: $backups (rm -r $backups)"
    fi
fi

[ -n "$found" ] || echo "nothing of $name is on this host"
