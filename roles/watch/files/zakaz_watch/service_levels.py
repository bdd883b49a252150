"""Service level indicators of one Moscow day, from what its runs left behind.

Shares are from 0 to 1. Nothing here asks a database or a clock: a day that nobody watched is measured like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from zakaz_alert.message import MOSCOW

FRESHNESS = "freshness"
COMPLETENESS = "completeness"
REJECTED = "rejected_share"
ON_TIME = "loads_on_time"
RECONCILIATION = "reconciliation"

# These must not exceed their objective; the others must reach it.
_LESS_IS_BETTER = {REJECTED, RECONCILIATION}
_ALWAYS_RECONCILED = (("sales_revenue", "RUB"), ("ads_spend", "RUB"))
_DAY = 86400


@dataclass(frozen=True)
class Objectives:
    """What is promised, and how it is measured.

    :param freshness: least share of the day in which the last scheduled success was young enough.
    :param completeness: least share of the day that successful runs have read.
    :param rejected_share: most records rejected of those read.
    :param loads_on_time: least share of scheduled runs that succeeded.
    :param reconciliation: most roubles between marts and staging.
    :param freshness_minutes: age at which data is not fresh any more.
    :param schedule_minutes: minutes between two scheduled runs; 0: there is no schedule.
    :param settle_hours: hours after its end in which a day may still change.
    :param days: how many past days are measured when nobody watched them.
    :param check_minutes: minutes between two measurements.
    """

    freshness: float
    completeness: float
    rejected_share: float
    loads_on_time: float
    reconciliation: float
    freshness_minutes: int
    schedule_minutes: int
    settle_hours: int
    days: int
    check_minutes: int


@dataclass(frozen=True)
class Run:
    """A run of a loader that was no dry run; times in seconds since 1970.

    :param window_from: None when it read everything there was.
    :param window_to: None when it read no stretch of time, as for single orders.
    """

    loader: str
    mode: str
    succeeded: bool
    started: float
    finished: float
    window_from: float | None
    window_to: float | None
    rows_read: int = 0


@dataclass
class Facts:
    """What the database knows of some days.

    :param runs: those that ended since the first of these days began.
    :param began: start of each loader's first scheduled run; a loader that never ran is absent.
    :param success_before: end of each loader's last scheduled success before the first of these days.
    :param rejected: records by day, loader and dataset.
    :param datasets: by loader, all that are known.
    :param differences: marts less staging by day, check and currency; zeros may be absent.
    """

    runs: list[Run] = field(default_factory=list)
    began: dict[str, float] = field(default_factory=dict)
    success_before: dict[str, float] = field(default_factory=dict)
    rejected: dict[tuple[date, str, str], int] = field(default_factory=dict)
    datasets: dict[str, set[str]] = field(default_factory=dict)
    differences: dict[tuple[date, str, str], float] = field(default_factory=dict)


@dataclass(frozen=True)
class Level:
    """A row of meta.sli_daily; `measured_until` in seconds since 1970."""

    day: date
    sli: str
    subject: str
    value: float
    target: float
    measured_until: int
    is_final: bool = False

    @property
    def is_met(self) -> bool:
        return self.value <= self.target if self.sli in _LESS_IS_BETTER else self.value >= self.target


def day_of(at: float) -> date:
    """The Moscow day of a moment."""
    return datetime.fromtimestamp(at, MOSCOW).date()


def start_of(day: date) -> int:
    """When a Moscow day begins, seconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=MOSCOW).timestamp())


def measure(day: date, facts: Facts, objectives: Objectives, now: float) -> list[Level]:
    """Measure a day as far as it has passed.

    What cannot be known is left out: a loader before its first run, a share of nothing.
    """
    start = start_of(day)
    until = min(start + _DAY, int(now))
    found: list[tuple[str, str, float]] = []
    for loader, began in facts.began.items():
        if began < start + _DAY and until > start:
            runs = [run for run in facts.runs if run.loader == loader]
            found += _loader(day, loader, began, until, runs, facts, objectives)
    if found:
        found += _reconciled(day, facts)
    # closed in the middle of a run, a day would keep a difference that the run's end takes away
    differs = any(sli == RECONCILIATION and value for sli, _, value in found)
    settled = start + _DAY + objectives.settle_hours * 3600 + (3600 if differs else 0)
    return [
        Level(day, sli, subject, round(value, 6), float(getattr(objectives, sli)), until, now >= settled)
        for sli, subject, value in found
    ]


def _loader(
    day: date, loader: str, began: float, until: int, runs: list[Run], facts: Facts, objectives: Objectives
) -> Iterator[tuple[str, str, float]]:
    start, limit = start_of(day), objectives.freshness_minutes * 60
    since = max(start, began)
    scheduled = [run for run in runs if run.mode == "run" and run.succeeded]
    if until > since:
        # before the first success, the first start begins the wait
        marks = [max(began, facts.success_before.get(loader, 0)), *sorted(run.finished for run in scheduled)]
        yield FRESHNESS, loader, 1 - _stale(marks, limit, since, until) / (until - since)
    # while the day lasts, what happened within the limit need not be read yet
    due = until if until == start + _DAY else until - limit
    if due > start:
        windows = [(run.window_from or 0, run.window_to) for run in runs if run.succeeded and run.window_to]
        yield COMPLETENESS, loader, _covered(windows, start, due) / (due - start)
    if objectives.schedule_minutes:
        share = _on_time([run.started for run in scheduled], start, since, until, objectives.schedule_minutes * 60)
        if share is not None:
            yield ON_TIME, loader, share
    yield from _rejected(day, loader, runs, facts)


def _stale(marks: list[float], limit: int, since: float, until: float) -> float:
    """Seconds between `since` and `until` in which the last of the marks was older than the limit."""
    ends = [*marks[1:], float("inf")]
    return sum(max(0.0, min(end, until) - max(mark + limit, since)) for mark, end in zip(marks, ends, strict=True))


def _covered(windows: Iterable[tuple[float, float]], start: float, end: float) -> float:
    """Seconds between start and end that lie in any of the windows."""
    covered, reached = 0.0, start
    for first, last in sorted(windows):
        first, last = max(first, reached), min(last, end)
        if last > first:
            covered += last - first
            reached = last
    return covered


def _on_time(starts: list[float], start: float, since: float, until: float, every: int) -> float | None:
    """Share of the day's whole stretches between two scheduled runs in which a run began that succeeded."""
    slots = {n for n in range(_DAY // every) if start + (n + 1) * every > since and start + (n + 1) * every <= until}
    kept = {int((begun - start) // every) for begun in starts}
    return len(slots & kept) / len(slots) if slots else None


def _rejected(day: date, loader: str, runs: list[Run], facts: Facts) -> Iterator[tuple[str, str, float]]:
    rows = sum(run.rows_read for run in runs if day_of(run.finished) == day)
    counts = {dataset: facts.rejected.get((day, loader, dataset), 0) for dataset in facts.datasets.get(loader, ())}
    total = sum(counts.values())
    if rows or total:
        # a run that was killed leaves what it rejected and no row of what it read
        yield REJECTED, loader, min(1.0, total / rows) if rows else 1.0
        for dataset, count in sorted(counts.items()):
            yield REJECTED, f"{loader}/{dataset}", min(1.0, count / rows) if rows else float(count > 0)


def _reconciled(day: date, facts: Facts) -> Iterator[tuple[str, str, float]]:
    found = dict.fromkeys(_ALWAYS_RECONCILED, 0.0)
    found |= {(check, currency): abs(d) for (of, check, currency), d in facts.differences.items() if of == day}
    for (check, currency), difference in sorted(found.items()):
        yield RECONCILIATION, f"{check}/{currency}", difference


def days_before(today: date, count: int) -> list[date]:
    """That many days and today, oldest first."""
    return [today - timedelta(days=n) for n in range(count, -1, -1)]
