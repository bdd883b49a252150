"""Which backups may go: only those that no day and no week needs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

_MOSCOW = ZoneInfo("Europe/Moscow")


@dataclass(frozen=True)
class Kept:
    """A backup as retention sees it; ``good`` means that its last drill passed."""

    name: str
    created_at: datetime
    good: bool


def to_delete(backups: Iterable[Kept], daily: int, weekly: int) -> list[str]:
    """Names that may go, oldest first.

    Kept are the newest good backup of each of the last ``daily`` days and ``weekly`` weeks that have one (days
    and weeks of Moscow), so a pause in backups deletes nothing. Of those without a passed drill the newest
    stays, for a look at it.
    """
    newest_first = sorted(backups, key=lambda backup: backup.created_at, reverse=True)
    good = [backup for backup in newest_first if backup.good]
    keep = {backup.name for backup in [*good[:1], *[b for b in newest_first if not b.good][:1]]}
    days: dict[Hashable, str] = {}
    weeks: dict[Hashable, str] = {}
    for backup in good:
        day = backup.created_at.astimezone(_MOSCOW).date()
        days.setdefault(day, backup.name)
        weeks.setdefault(day.isocalendar()[:2], backup.name)
    keep.update(list(days.values())[:daily], list(weeks.values())[:weekly])
    return [backup.name for backup in reversed(newest_first) if backup.name not in keep]
