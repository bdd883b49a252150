"""One look in Prometheus' text format, in a file for node exporter's textfile collector."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from status_findings import unnoticed_failure
from whole_file import write_whole

from .observed import Observed
from .settings import Settings

_LOADER_LINE = re.compile(r"^(zakaz_loader_[a-z_]+)\{([^}\n]*)\} (\S+)$")
_LOADER_WORDS = re.compile(r"^# (HELP|TYPE) zakaz_loader_[a-z_]+ .*$")
# A container writes these files: more than this is no metric of ours.
_MOST_LINES = 500

Sample = tuple[dict[str, str], float]


def exposition(settings: Settings, seen: Observed, problems: dict[str, bool], waiting: int) -> str:
    """Return all metrics of one look.

    :param problems: whether each subject is in trouble.
    :param waiting: messages that no channel has taken yet.
    """
    lines: list[str] = []

    def gauge(name: str, text: str, samples: Iterable[Sample]) -> None:
        lines.extend([f"# HELP zakaz_{name} {text}", f"# TYPE zakaz_{name} gauge"])
        for labels, value in samples:
            lines.append(f"zakaz_{name}{_labels(settings.deployment, labels)} {value}")

    gauge("watch_last_run_timestamp_seconds", "Time of the last look", [({}, seen.at)])
    gauge("watch_problem", "1: this subject is in trouble", [({"subject": s}, int(p)) for s, p in problems.items()])
    gauge("watch_waiting_messages", "Messages that no channel has taken yet", [({}, waiting)])
    gauge("clickhouse_up", "1: ClickHouse answers the watch", [({}, 0 if seen.database_error else 1)])
    promised = int(settings.limits["loader_stale"].limit * 60)
    gauge(
        "loader_freshness_limit_seconds",
        "Most seconds between now and a loader's last success",
        [({"loader": loader}, promised) for loader in settings.loaders],
    )
    rejected = (seen.rejected or {}).items()
    gauge("rejected_records", "Records rejected in 24 hours", [({"loader": name}, n) for name, n in rejected])
    worst = {row["loader"]: float(row["share"]) for row in seen.degraded or []}
    shares = [] if seen.degraded is None else [({"loader": name}, worst.get(name, 0.0)) for name in settings.loaders]
    gauge("degraded_share", "Share of a run's records that lack a field, the most in 24 hours", shares)
    loaded = [({"table": row["table"]}, int(row["at"])) for row in seen.tables or []]
    gauge("table_last_row_timestamp_seconds", "When a table of a source last got a new or changed row", loaded)
    gauge("near_cities", "Pairs of cities that are one letter apart and not both known", _known(seen.near_cities, len))
    gauge("schema_drift", "1: the live schema is not what was last applied", _known(seen.drift, int))
    gauge("stuck_mutations", "Mutations that fail or take too long", _known(seen.stuck, len))
    gauge("parts_in_partition_max", "Parts of the partition that has most", _known(seen.fullest, lambda f: f[1]))
    watched = settings.limits["backup_old"].limit > 0 and seen.backup_at is not None
    gauge(
        "backup_last_success_timestamp_seconds",
        "End of the last backup",
        _known(seen.backup_at if watched else None, float),
    )
    drilled: list[Sample] = (
        [({}, seen.drilled_at or seen.began_at)] if watched and (seen.drilled_at or seen.began_at) else []
    )
    words = "End of the last backup that a drill has restored; before there is one, the first run of a loader"
    gauge("backup_drilled_timestamp_seconds", words, drilled)
    failed: list[Sample] = [({}, int(bool(seen.drill_error)))] if watched else []
    gauge("backup_drill_failed", "1: the last drill failed", failed)
    host = seen.host
    gauge("docker_up", "1: Docker answers", [({}, 0 if host["docker"]["error"] else 1)])
    gauge("containers_down", "Containers that do not run, or not well", _known(host["containers"], len))
    gauge("unit_failed", "1: the unit failed without a word, is missing or is not scheduled", _units(settings, seen))
    gauge("files_missing", "Files of the deployment that are missing", [({}, len(host["files"]))])
    disks = host["disks"]
    gauge("disk_free_bytes", "Free bytes", [({"path": disk["mount"]}, disk["free"]) for disk in disks])
    gauge("disk_size_bytes", "Size in bytes", [({"path": disk["mount"]}, disk["size"]) for disk in disks])
    missing = [({"path": path}, int(bool(problem))) for path, problem in host["folders"].items()]
    gauge("disk_missing", "1: a watched folder is not there", missing)
    gauge("memory_available_bytes", "Available memory", _known(host["memory"], int))
    ends = [({"endpoint": name}, end) for name, end in seen.certificates.items() if isinstance(end, float)]
    gauge("certificate_expiry_timestamp_seconds", "End of a certificate's validity", ends)
    lines += _loaders(settings)
    return "\n".join(lines) + "\n"


def _units(settings: Settings, seen: Observed) -> Iterable[Sample]:
    """Units that are missing or not scheduled, or failed in a way their own metrics do not show."""
    for name, unit in settings.look["services"].items():
        service = seen.host["services"].get(name)
        if service is None or (seen.runs is None and name in settings.loaders):
            continue
        timer = seen.host["timers"].get(unit, {"problem": ""})
        failed = unnoticed_failure(service["end"], (seen.runs or {}).get(name))
        yield {"unit": unit}, int(bool(service["missing"] or timer["problem"] or failed))


def write(file: Path, text: str) -> None:
    """Replace the file whole: a reader never sees half of it.

    :raises OSError: it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # node exporter is another user
    write_whole(file, text.encode(), 0o644)


def _known(value: Any, number: Callable[[Any], float]) -> list[Sample]:
    return [] if value is None else [({}, number(value))]


def _loaders(settings: Settings) -> list[str]:
    """The loaders' own metrics, with the deployment's name: several deployments may share a host."""
    samples: dict[str, list[str]] = {}
    words: dict[str, list[str]] = {}
    for file in settings.metric_files.values():
        with contextlib.suppress(OSError):
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines()[:_MOST_LINES]:
                if found := _LOADER_LINE.match(line):
                    name, labels, value = found.groups()
                    with contextlib.suppress(ValueError):
                        samples.setdefault(name, []).append(
                            f'{name}{{deployment="{settings.deployment}",{labels}}} {float(value)}'
                        )
                elif _LOADER_WORDS.match(line):
                    words.setdefault(line.split()[2], []).append(line)
    lines = []
    for name, values in samples.items():
        # a metric's words stand once, before all of its samples
        lines += [*dict.fromkeys(words.get(name, [])), *values]
    return lines


def _labels(deployment: str, labels: dict[str, str]) -> str:
    pairs = {"deployment": deployment, **labels}
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
