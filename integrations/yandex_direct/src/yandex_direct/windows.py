"""Which days a run reads. Days are Moscow days, both ends included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from zakaz_common.errors import DataError
from zakaz_common.window import Window

from yandex_direct.settings import YandexDirectSettings


@dataclass(frozen=True, slots=True)
class ReadBefore:
    """What earlier runs have read of an account.

    Parameters:
        until: day of the account's last complete run; None before it.
        deep_on: day of the last one that reached as far back as a deep one.
        long_on: the same of a long one.
        history_from: the first day that a scheduled run ever read.
    """

    until: date | None = None
    deep_on: date | None = None
    long_on: date | None = None
    history_from: date | None = None


def oldest_day(today: date) -> date:
    """The first day that Direct still serves: that of the present month, three years ago."""
    return date(today.year - 3, today.month, 1)


def choose_window(
    today: date, *, before: ReadBefore, settings: YandexDirectSettings, corrected_from: date | None = None
) -> Window:
    """The window of a scheduled run.

    Direct settles a day for up to three days, its filter takes clicks back later, and conversions grow for weeks: every
    run reads the last days again, the first of a day a month, the first of a week three.

    Its kind is ``recent``, ``deep``, ``long``, ``corrected`` or ``history``.

    Parameters:
        today: the server's Moscow day.
        corrected_from: the first day that Direct says it corrected since the last run.
    """
    oldest = oldest_day(today)
    history = _window(today, today, settings.yandex_direct_history_days, oldest, "history")
    # The setting may have become longer since.
    if before.until is None or before.history_from is None or history.first < before.history_from:
        return history
    kinds = {"recent": settings.yandex_direct_window_days}
    if before.deep_on is None or before.deep_on < today:
        kinds["deep"] = settings.yandex_direct_deep_window_days
    if before.long_on is None or before.long_on < today - timedelta(days=today.weekday()):
        kinds["long"] = settings.yandex_direct_long_window_days
    kind = max(kinds, key=lambda one: kinds[one])
    # After an outage the window reaches back from where the data end, not from today.
    window = _window(min(before.until, today), today, kinds[kind], oldest, kind)
    if corrected_from is not None and corrected_from < window.first:
        return Window.of_days(max(corrected_from, oldest), today, "corrected")
    return window


def served_days(asked: Window, today: date) -> Window:
    """The days of a backfill, those to come left out.

    Raises DataError for days that Direct no longer serves: its silence about them would delete them here.
    """
    if asked.first < oldest_day(today) or asked.first > today:
        raise DataError(
            f"Yandex Direct serves statistics from {oldest_day(today)} to {today}, the backfill begins on {asked.first}"
        )
    return Window.of_days(asked.first, min(asked.last, today), asked.kind)


def _window(end: date, today: date, days: int, oldest: date, kind: str) -> Window:
    return Window.of_days(max(end - timedelta(days=days - 1), oldest), today, kind)
