"""What is kept for good: a row a day and indicator in meta.sli_daily, a row an episode in meta.etl_alerts.

Called after people were told, so that nothing that fails here costs an alert.
"""

# ruff: noqa: S608 - the statements hold the role's own numbers and names
from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from zakaz_alert import ledger
from zakaz_alert.storage import Storage
from zakaz_clickhouse.connection import Connection, HttpConnection, append, rows
from zakaz_clickhouse.failures import EngineFailure, Unreachable
from zakaz_clickhouse.literals import quote

from .service_levels import Facts, Level, Run, day_of, days_before, measure, start_of
from .settings import Settings

# People wait for nothing here, but the next look must not.
_SECONDS = 20


@dataclass(frozen=True)
class Stored:
    """A row of meta.sli_daily as it is."""

    value: float
    target: float
    is_met: bool
    measured_until: int
    is_final: bool
    version: int


def keep(settings: Settings, storage: Storage, clock_file: Path, now: float) -> str | None:
    """Write what is to be kept.

    :param storage: the alerts' state, with the rows that wait.
    :param clock_file: its modification time says when the indicators were last measured.
    :param now: seconds since 1970.
    :returns: why it could not be written, empty when it was, None when ClickHouse does not answer (told already).
    :raises OSError: the alerts' state cannot be saved.
    """
    connection = HttpConnection(**settings.clickhouse, timeout=_SECONDS)
    try:
        write_alerts(connection, storage)
        if _due(clock_file, settings.objectives.check_minutes, now):
            close_lost_episodes(connection, settings, storage, now)
            write_levels(connection, settings, now)
            # without it the next look measures again
            with contextlib.suppress(OSError):
                clock_file.touch()
                os.utime(clock_file, (now, now))
    except Unreachable:
        return None
    except EngineFailure as error:
        return f"the history is not written: {error}"
    except OSError:
        raise
    except Exception as error:
        # a mistake of ours must not cost the metrics of this look; its words may hold anything, its place does not
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return f"the history is not written: internal error {type(error).__name__} at {where}; please report it"
    return ""


def _due(clock_file: Path, minutes: int, now: float) -> bool:
    try:
        age = now - clock_file.stat().st_mtime
    except OSError:
        return True
    # a clock that went back must not silence it
    return not 0 <= age < minutes * 60


def write_alerts(connection: Connection, storage: Storage) -> None:
    """Carry the rows that wait into meta.etl_alerts.

    :raises OSError: the state cannot be saved; the rows are written again next time, which changes nothing.
    """
    waiting = storage.read().unwritten
    if not waiting:
        return
    append(connection, "meta.etl_alerts", list(waiting.values()))
    with storage.changing() as state:
        for alert_id, row in waiting.items():
            # it may have been resolved in the meantime
            if state.unwritten.get(alert_id) == row:
                del state.unwritten[alert_id]


def close_lost_episodes(connection: Connection, settings: Settings, storage: Storage, now: float) -> None:
    """End rows of episodes that the state does not know any more: it was damaged, or is a new host's."""
    found = rows(
        connection,
        """SELECT toString(alert_id) AS c_id, rule, subject, severity, message, toUnixTimestamp(raised_at) AS c_raised,
        toString(_ver) AS c_ver FROM meta.etl_alerts FINAL WHERE status = 'firing'""",
    )
    if not found:
        return
    # read after the rows: an episode that has begun since is in neither
    state = storage.read()
    lasting = {ledger.alert_id(settings.deployment, of, episode["since"]) for of, episode in state.episodes.items()}
    append(
        connection,
        "meta.etl_alerts",
        [
            {
                "alert_id": row["c_id"],
                "rule": row["rule"],
                "subject": row["subject"],
                "severity": row["severity"],
                "status": "resolved",
                "message": row["message"],
                "raised_at": int(row["c_raised"]),
                "resolved_at": max(int(now), int(row["c_raised"])),
                "_ver": max(int(now * 1000), int(row["c_ver"]) + 1),
            }
            for row in found
            if row["c_id"] not in lasting and row["c_id"] not in state.unwritten
        ],
    )


def write_levels(connection: Connection, settings: Settings, now: float) -> None:
    """Measure the days that are not closed, and write what changed."""
    objectives = settings.objectives
    days = days_before(day_of(now), objectives.days)
    stored = _stored(connection, days[0])
    # the present day at least
    open_days = [day for day in days if not _closed(day, stored, now)]
    facts = _facts(connection, settings, open_days[0], {subject for _, _, subject in stored})
    measured = [level for day in open_days for level in measure(day, facts, objectives, now)]
    changed = [level for level in measured if _news(level, stored.get((level.day, level.sli, level.subject)))]
    append(connection, "meta.sli_daily", [_row(level, stored, now) for level in changed])


def _closed(day: date, stored: Mapping[tuple[date, str, str], Stored], now: float) -> bool:
    # a day closed by a clock that ran ahead is measured again
    return any(row.is_final and row.version <= now * 1000 for (of, _, _), row in stored.items() if of == day)


def _news(level: Level, before: Stored | None) -> bool:
    if before is None:
        return True
    # a clock that went back must not replace a whole day by a part of it
    if level.measured_until < before.measured_until:
        return False
    return (level.value, level.target, level.is_met, level.is_final) != (
        before.value,
        before.target,
        before.is_met,
        before.is_final,
    )


def _row(level: Level, stored: Mapping[tuple[date, str, str], Stored], now: float) -> dict[str, Any]:
    before = stored.get((level.day, level.sli, level.subject))
    return {
        "d": level.day.isoformat(),
        "sli": level.sli,
        "subject": level.subject,
        "value": level.value,
        "target": level.target,
        "is_met": int(level.is_met),
        "measured_until": level.measured_until,
        "is_final": int(level.is_final),
        "_ver": max(int(now * 1000), before.version + 1 if before else 0),
    }


def _stored(connection: Connection, first: date) -> dict[tuple[date, str, str], Stored]:
    found = rows(
        connection,
        f"""SELECT toString(d) AS c_day, sli, subject, value, target, is_met, is_final,
        toUnixTimestamp(measured_until) AS c_until, toString(_ver) AS c_ver
        FROM meta.sli_daily FINAL WHERE d >= '{first}'""",
    )
    return {
        (date.fromisoformat(row["c_day"]), row["sli"], row["subject"]): Stored(
            value=float(row["value"]),
            target=float(row["target"]),
            is_met=bool(row["is_met"]),
            measured_until=int(row["c_until"]),
            is_final=bool(row["is_final"]),
            version=int(row["c_ver"]),
        )
        for row in found
    }


def _facts(connection: Connection, settings: Settings, first: date, subjects: set[str]) -> Facts:
    """Ask for what `measure` needs of the days since `first`.

    :param subjects: what was measured before: a dataset without a rejected record must not keep its last bad day.
    """
    start, loaders = start_of(first), ", ".join(map(quote, settings.loaders))
    facts = Facts(datasets={loader: set() for loader in settings.loaders})
    ask = partial(rows, connection)
    for row in ask(
        f"""SELECT loader, toUnixTimestamp(min(started_at)) AS c_began,
        toUnixTimestamp(maxIf(finished_at, status = 'success' AND finished_at < toDateTime({start}))) AS c_before
        FROM meta.etl_runs WHERE mode = 'run' AND loader IN ({loaders}) GROUP BY loader"""
    ):
        facts.began[row["loader"]] = float(row["c_began"])
        facts.success_before[row["loader"]] = float(row["c_before"])
    facts.runs = [
        Run(
            loader=row["loader"],
            mode=row["mode"],
            succeeded=row["status"] == "success",
            started=float(row["c_started"]),
            finished=float(row["c_finished"]),
            window_from=_moment(row["c_from"]),
            window_to=_moment(row["c_to"]),
            rows_read=int(row["rows_read"]),
        )
        for row in ask(
            f"""SELECT loader, mode, status, toUnixTimestamp(started_at) AS c_started,
            toUnixTimestamp(finished_at) AS c_finished, toUnixTimestamp(window_from) AS c_from,
            toUnixTimestamp(window_to) AS c_to, rows_read FROM meta.etl_runs
            WHERE mode != 'dry_run' AND loader IN ({loaders}) AND finished_at >= toDateTime({start})"""
        )
    ]
    for row in ask(
        f"""SELECT toString(toDate(rejected_at)) AS c_day, loader, dataset, count() AS c_count
        FROM meta.rejected_records WHERE loader IN ({loaders}) AND rejected_at >= toDateTime({start})
        GROUP BY c_day, loader, dataset"""
    ):
        facts.rejected[date.fromisoformat(row["c_day"]), row["loader"], row["dataset"]] = int(row["c_count"])
        facts.datasets[row["loader"]].add(row["dataset"])
    for row in ask(
        f"""SELECT DISTINCT loader, dataset FROM meta.watermarks
        WHERE loader IN ({loaders}) AND NOT endsWith(dataset, '_deep')"""
    ):
        facts.datasets[row["loader"]].add(row["dataset"])
    for subject in subjects:
        loader, _, dataset = subject.partition("/")
        if dataset and loader in facts.datasets:
            facts.datasets[loader].add(dataset)
    for row in ask(
        f"""SELECT toString(d) AS c_day, check_name, subject, toFloat64(difference) AS c_difference
        FROM meta.v_reconciliation_daily WHERE d >= '{first}' AND difference != 0"""
    ):
        facts.differences[date.fromisoformat(row["c_day"]), row["check_name"], row["subject"]] = row["c_difference"]
    return facts


def _moment(seconds: Any) -> float | None:
    return None if seconds is None else float(seconds)
