"""Moscow time as the season uses it: epoch seconds inside, ISO 8601 with ``+03:00`` outside.

Moscow has had one offset since 2014-10-26, so a fixed offset is exact for every season and needs no tzdata.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

MOSCOW = timezone(timedelta(hours=3), "MSK")
DAY = 86_400


def day_start(day: date) -> int:
    """Epoch second of Moscow midnight at which ``day`` begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=MOSCOW).timestamp())


def day_of(second: int) -> date:
    """Moscow calendar day that holds the epoch second."""
    return datetime.fromtimestamp(second, MOSCOW).date()


def iso(second: int | None) -> str | None:
    """``2026-11-03T00:00:00+03:00``, the form of every Qtickets date; None stays None."""
    return None if second is None else datetime.fromtimestamp(second, MOSCOW).isoformat()


def parse_iso(text: str) -> int:
    """Epoch second of an ISO 8601 text; a text without an offset is Moscow time. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=MOSCOW)
    return int(moment.timestamp())


def now() -> int:
    """Epoch second of this moment."""
    return int(datetime.now(UTC).timestamp())


def today() -> date:
    """The Moscow day of this moment."""
    return day_of(now())
