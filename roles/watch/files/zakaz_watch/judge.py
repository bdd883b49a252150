"""What is wrong, by subject; each with its page and the first command to type."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from status_findings import BAD, degraded_words, near_words, silent_words, space_finding, stale
from zakaz_alert.episodes import Trouble

from .observed import Observed
from .settings import Settings

_GB = 1e9
_MB = 1e6
Judged = Iterator[tuple[str, Trouble | None]]


def judge(settings: Settings, seen: Observed) -> dict[str, Trouble | None]:
    """Judge one look: trouble by subject, None where all is well; what was not seen is left out."""
    found: dict[str, Trouble | None] = {}
    for part in (_clickhouse, _docker, _units, _loaders, _sources, _schema, _backups, _certificates, _space):
        found.update(part(settings, seen))
    return found


def judge_history(settings: Settings, problem: str | None) -> dict[str, Trouble | None]:
    """Judge whether what is to be kept was written.

    :param problem: why not; empty when it was, None when nobody knows.
    """
    if problem is None:
        return {}
    return {"history": _trouble(settings, "history", problem, "make plan")}


def _clickhouse(settings: Settings, seen: Observed) -> Judged:
    command = f"docker logs --tail 40 {settings.deployment}-clickhouse"
    yield "ClickHouse", _trouble(settings, "clickhouse_down", seen.database_error, command)
    if not seen.database_error:
        # what it refuses is judged neither good nor bad, so nobody would hear of it
        problem = f"ClickHouse cannot be asked for {'; '.join(seen.refused)}" if seen.refused else ""
        yield "questions", _trouble(settings, "watch_silent", problem, "make plan")


def _docker(settings: Settings, seen: Observed) -> Judged:
    error = seen.host["docker"]["error"]
    problem = f"Docker does not answer ({error})" if error else ""
    yield "Docker", _trouble(settings, "docker_down", problem, "systemctl status docker")
    if seen.host["containers"] is not None:
        for name in settings.look["containers"]:
            problem = seen.host["containers"].get(name, "")
            yield f"container {name}", _trouble(settings, "container_down", problem, f"docker logs --tail 40 {name}")


def _units(settings: Settings, seen: Observed) -> Judged:
    """What systemd tells nobody; that a unit failed, it tells at once."""
    for name, unit in settings.look["services"].items():
        if name in seen.host["services"]:
            problem = seen.host["services"][name]["missing"]
            yield f"unit of {name}", _trouble(settings, "unit_failed", problem, f"systemctl status {unit}")
        if unit in seen.host["timers"]:
            problem = seen.host["timers"][unit]["problem"]
            problem = f"the timer: {problem}" if problem else ""
            yield f"timer of {name}", _trouble(settings, "loader_stale", problem, f"systemctl status {unit}.timer")
    gone = seen.host["files"]
    problem = f"missing: {', '.join(gone)}; make deploy writes them anew" if gone else ""
    yield "files", _trouble(settings, "files_missing", problem, "make plan")


def _loaders(settings: Settings, seen: Observed) -> Judged:
    limit = int(settings.limits["loader_stale"].limit)
    for loader, unit in settings.loaders.items():
        if seen.runs is not None:
            problem = stale(loader, seen.runs.get(loader), limit)
            own = seen.file_success.get(loader)
            # runs for single orders (webhooks) must not hide that the scheduled ones fail
            if not problem and own is not None and seen.at - own > limit * 60:
                problem = f"last scheduled success {(seen.at - own) / 60:.0f} min ago, at most {limit} expected"
            command = f"systemctl status {unit}.timer {unit}"
            yield f"freshness of {loader}", _trouble(settings, "loader_stale", problem, command)
        if seen.rejected is not None:
            count, most = seen.rejected[loader], int(settings.limits["records_rejected"].limit)
            problem = f"{count} records rejected in 24 hours, at most {most} expected" if count > most else ""
            yield f"rejected records of {loader}", _trouble(settings, "records_rejected", problem, "make status")
        if seen.degraded is not None:
            share = settings.limits["fields_degraded"].limit
            problems = [degraded_words(worst, share) for worst in seen.degraded if worst["loader"] == loader]
            yield f"fields of {loader}", _trouble(settings, "fields_degraded", "".join(problems), "make status")


def _sources(settings: Settings, seen: Observed) -> Judged:
    for table in seen.tables or []:
        problem = silent_words(table, seen.at, int(settings.limits["source_silent"].limit))
        yield f"rows of {table['table']}", _trouble(settings, "source_silent", problem, "make status")
    if seen.near_cities is not None:
        near, most = seen.near_cities, settings.limits["cities_near"].limit
        problem = f"one letter apart: {near_words(near)}" if len(near) > most else ""
        yield "cities", _trouble(settings, "cities_near", problem, "make status")


def _schema(settings: Settings, seen: Observed) -> Judged:
    if seen.drift is not None:
        problem = "the live schema is not what was last applied: somebody changed it by hand" if seen.drift else ""
        yield "schema", _trouble(settings, "schema_drift", problem, "make plan")
    if seen.stuck is not None:
        yield "mutations", _trouble(settings, "mutation_stuck", "; ".join(seen.stuck), "make status")
    if seen.fullest is not None:
        table, parts = seen.fullest
        most = int(settings.limits["parts"].limit)
        problem = f"{table} has {parts} parts in a partition, at most {most} expected" if parts > most else ""
        yield "parts", _trouble(settings, "parts", problem, "make status")


def _backups(settings: Settings, seen: Observed) -> Judged:
    hours = int(settings.limits["backup_old"].limit)
    if not hours or seen.drilled_at is None:
        return
    newest = seen.drilled_at or seen.began_at
    problem = ""
    if newest and seen.at - newest > hours * 3600:
        age = timedelta(seconds=int(seen.at - newest))
        problem = f"the last backup that a drill has restored is {age} old, at most {hours} h expected"
        if not seen.drilled_at:
            problem = f"there is no backup that a drill has restored, {age} after the first run"
    yield "backup", _trouble(settings, "backup_old", problem, "make history")
    failed = f"the last drill failed: {seen.drill_error}" if seen.drill_error else ""
    yield "restore drill", _trouble(settings, "drill_failed", failed, "make history")


def _certificates(settings: Settings, seen: Observed) -> Judged:
    for endpoint, end in seen.certificates.items():
        if isinstance(end, str):
            problem = end
        else:
            days = (end - seen.at) / 86400
            problem = f"the certificate of {endpoint} {f'ends in {days:.0f} days' if days > 0 else 'has ended'}"
            problem = problem if days < settings.limits["certificate"].limit else ""
        command = f"openssl s_client -connect {endpoint} </dev/null | openssl x509 -noout -dates -issuer"
        yield f"certificate of {endpoint}", _trouble(settings, "certificate", problem, command)


def _space(settings: Settings, seen: Observed) -> Judged:
    for disk in seen.host["disks"]:
        line = space_finding("disk", disk["free"] / _GB, settings.limits["disk_low"].limit, "GB")
        problem = f"{disk['mount']}: {line['text']}" if line["verdict"] == BAD else ""
        yield f"disk {disk['mount']}", _trouble(settings, "disk_low", problem, "docker system df")
    for folder, problem in seen.host["folders"].items():
        yield f"folder {folder}", _trouble(settings, "disk_missing", problem, "df --human-readable")
    if seen.host["memory"] is not None:
        line = space_finding("memory", seen.host["memory"] / _MB, settings.limits["memory_low"].limit, "MB")
        problem = line["text"] if line["verdict"] == BAD else ""
        yield "memory", _trouble(settings, "memory_low", problem, "docker stats --no-stream")


def _trouble(settings: Settings, limit: str, problem: str, command: str) -> Trouble | None:
    row = settings.limits[limit]
    # Docker and the journal are root's; whoever reads an alert is a user with sudo
    typed = command if command.startswith("make ") else f"sudo {command}"
    return Trouble(problem, typed, row.page, row.severity) if problem else None
