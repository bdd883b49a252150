#!/bin/sh
# Hold loaders still, or let them run again. Prints a sentence where it cannot, and what it changed otherwise.
# usage: hold.sh VERB NAME WORK SECONDS PATIENCE UNITS [LOADER SLUG COMMAND VOLUME]...
# NAME is the deployment. VERB is hold; unlock, which leaves the timers stopped for who starts them with new settings; or
# release. WORK is what they are held for ("a restore"). After SECONDS a hold ends although nobody released it; PATIENCE is
# how many seconds a run that works may take to its end. UNITS is yes where systemd starts the loaders.
set -eu
verb=$1 name=$2 work=$3 seconds=$4 patience=$5 units=$6
shift 6

if ! docker version >/dev/null 2>&1; then
    echo 'Docker does not answer, so nobody knows whether a loader runs. Start it, and run this again.'
    exit 1
fi
since=$(TZ=Europe/Moscow date +%Y-%m-%dT%H:%M:%S%:z)

# whether there is a timer, and whether it is enabled
timer() {
    [ "$units" = yes ] || return 0
    systemctl is-enabled "$1.timer" 2>/dev/null || true
}

# The lock of its runs, taken by a container: the kernel refuses it to every run, whoever starts it, of whatever version,
# and gives it back with the container, which no reboot brings back.
hold() {
    case $(timer "$slug") in '' | not-found) ;; *) systemctl stop "$slug.timer" ;; esac
    docker volume inspect "$volume" >/dev/null 2>&1 || return 0
    image=$(sed -n 's/^ *\(\S*\) "\$@"$/\1/p' "$command" 2>/dev/null || true)
    # without its command or its image nobody can start it
    [ -n "$image" ] && docker image inspect "$image" >/dev/null 2>&1 || return 0
    lock=/var/lib/zakaz/$loader.lock
    # what a run says that finds the lock taken; the first three are for images of before
    note=$(printf '{"run_id": "(none: %s is at work)", "pid": 1, "host": "%s", "since": "%s", "work": "%s"}' \
        "$work" "$(uname -n)" "$since" "$work")
    # shellcheck disable=SC2016 # it is the container's shell that reads it
    docker run --detach --rm --init --pull never --name "$slug-hold" \
        --label "zakaz.deployment=$name" --label "zakaz.hold=$work" \
        --network none --user 10001:10001 --read-only --cap-drop ALL --security-opt no-new-privileges:true \
        --env "NOTE=$note" --volume "$volume:/var/lib/zakaz" --entrypoint flock \
        "$image" "$lock" sh -ec 'printf %s "$NOTE" >"$1"; echo held; exec sleep "$2"' sh "$lock" "$seconds" >/dev/null
    held="$held $slug"
}

unlock() {
    if docker rm --force "$slug-hold" 2>/dev/null | grep -q .; then echo "released $slug"; fi
}

# By what is enabled, not by what was active before: so the next one mends what an interrupted one left stopped.
start() {
    [ "$(timer "$slug")" = enabled ] || return 0
    # it may have been written anew meanwhile
    systemctl daemon-reload
    systemctl is-active --quiet "$slug.timer" || { systemctl start "$slug.timer" && echo "started $slug.timer"; }
}

held=''
while [ $# -ge 4 ]; do
    loader=$1 slug=$2 command=$3 volume=$4
    shift 4
    # before a hold too: what was left behind goes, for under the lock of the deployment nobody else is at work
    unlock
    case $verb in
        hold) hold ;;
        release) start ;;
    esac
done

ends=$(($(date +%s) + patience))
for slug in $held; do
    until [ "$(docker logs "$slug-hold" 2>/dev/null)" = held ]; do
        if ! docker inspect "$slug-hold" >/dev/null 2>&1; then
            echo "The lock of $slug cannot be had: look at its state volume, and run this again."
            exit 1
        fi
        if [ "$(date +%s)" -ge "$ends" ]; then
            echo "$slug still runs after $patience s. Wait for its end (sudo docker ps --filter name=$slug)," \
                'or raise schedules_patience, and run this again.'
            exit 1
        fi
        sleep 1
    done
done
