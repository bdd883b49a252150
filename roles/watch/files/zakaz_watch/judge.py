"""What is wrong, by subject; each with its page and the first command to type."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from status_findings import BAD, space_finding, stale, timer_finding
from zakaz_alert.episodes import Trouble

from .observed import Observed
from .settings import Settings

_GB = 1e9
_MB = 1e6


def judge(settings: Settings, seen: Observed) -> dict[str, Trouble | None]:
    """Judge one look: trouble by subject, None where all is well; what was not seen is left out."""
    found: dict[str, Trouble | None] = {}
    for part in (_clickhouse, _loaders, _schema, _backups, _certificates, _space):
        found.update(part(settings, seen))
    return found


def judge_history(problem: str | None) -> dict[str, Trouble | None]:
    """Judge whether what is to be kept was written.

    :param problem: why not; empty when it was, None when nobody knows.
    """
    if problem is None:
        return {}
    return {"history": _trouble(problem, "make plan", "service-levels.md")}


def _clickhouse(settings: Settings, seen: Observed) -> Iterator[tuple[str, Trouble | None]]:
    container = f"{settings.deployment}-clickhouse"
    yield "ClickHouse", _trouble(seen.database_error, f"docker logs --tail 40 {container}", "clickhouse-down.md")


def _loaders(settings: Settings, seen: Observed) -> Iterator[tuple[str, Trouble | None]]:
    limit = settings.limits.freshness_minutes
    for loader, unit in settings.loaders.items():
        if loader in seen.timers:
            timer = timer_finding(loader, seen.timers[loader])
            text = f"the timer {timer['text']}" if timer["verdict"] == BAD else ""
            yield f"timer of {loader}", _trouble(text, f"systemctl status {unit}.timer", "loader-stale.md")
        if seen.runs is not None:
            problem = stale(loader, seen.runs.get(loader), limit)
            own = seen.file_success.get(loader)
            # runs for single orders (webhooks) must not hide that the scheduled ones fail
            if not problem and own is not None and seen.at - own > limit * 60:
                problem = f"last scheduled success {(seen.at - own) / 60:.0f} min ago, at most {limit} expected"
            yield (
                f"freshness of {loader}",
                _trouble(problem, f"systemctl status {unit}.timer {unit}", "loader-stale.md"),
            )
        if seen.rejected is not None:
            count, most = seen.rejected[loader], settings.limits.rejected_records
            problem = f"{count} records rejected in 24 hours, at most {most} expected" if count > most else ""
            yield f"rejected records of {loader}", _trouble(problem, "make status", "rejected-records.md")


def _schema(settings: Settings, seen: Observed) -> Iterator[tuple[str, Trouble | None]]:
    if seen.drift is not None:
        problem = "the live schema is not what was last applied: somebody changed it by hand" if seen.drift else ""
        yield "schema", _trouble(problem, "make plan", "schema-drift.md")
    if seen.stuck is not None:
        yield "mutations", _trouble("; ".join(seen.stuck), "make status", "stuck-mutation.md")
    if seen.fullest is not None:
        table, parts = seen.fullest
        most = settings.limits.parts
        problem = f"{table} has {parts} parts in a partition, at most {most} expected" if parts > most else ""
        yield "parts", _trouble(problem, "make status", "too-many-parts.md")


def _backups(settings: Settings, seen: Observed) -> Iterator[tuple[str, Trouble | None]]:
    hours = settings.limits.backup_hours
    if not hours or seen.drilled_at is None:
        return
    newest = seen.drilled_at or seen.began_at
    problem = ""
    if newest and seen.at - newest > hours * 3600:
        age = timedelta(seconds=int(seen.at - newest))
        problem = f"the last backup that a drill has restored is {age} old, at most {hours} h expected"
        if not seen.drilled_at:
            problem = f"there is no backup that a drill has restored, {age} after the first run"
    yield "backup", _trouble(problem, "make history", "backup-failed.md")
    failed = f"the last drill failed: {seen.drill_error}" if seen.drill_error else ""
    yield "restore drill", _trouble(failed, "make history", "backup-failed.md")


def _certificates(settings: Settings, seen: Observed) -> Iterator[tuple[str, Trouble | None]]:
    for endpoint, end in seen.certificates.items():
        if isinstance(end, str):
            problem = end
        else:
            days = (end - seen.at) / 86400
            problem = f"the certificate of {endpoint} ends in {days:.0f} days"
            problem = problem if days < settings.limits.certificate_days else ""
        command = f"openssl s_client -connect {endpoint} </dev/null | openssl x509 -noout -dates -issuer"
        yield f"certificate of {endpoint}", _trouble(problem, command, "certificate.md")


def _space(settings: Settings, seen: Observed) -> Iterator[tuple[str, Trouble | None]]:
    for path, (free, _) in seen.disks.items():
        line = space_finding("disk", free / _GB, settings.limits.disk_free_gb, "GB")
        problem = f"{path}: {line['text']}" if line["verdict"] == BAD else ""
        yield f"disk of {path}", _trouble(problem, "docker system df", "disk.md")
    if seen.memory_available is not None:
        line = space_finding("memory", seen.memory_available / _MB, settings.limits.memory_free_mb, "MB")
        problem = line["text"] if line["verdict"] == BAD else ""
        yield "memory", _trouble(problem, "docker stats --no-stream", "memory.md")


def _trouble(problem: str, command: str, page: str) -> Trouble | None:
    # Docker and the journal are root's; whoever reads an alert is a user with sudo
    typed = command if command.startswith("make ") else f"sudo {command}"
    return Trouble(problem, typed, page) if problem else None
