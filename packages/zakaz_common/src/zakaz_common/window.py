"""What one read covers."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

from zakaz_common.moscow import day_start, moscow_day


@dataclass(frozen=True, slots=True)
class Window:
    """Moments in [start, end), and why they are read; without a start, everything before the end.

    `kind` is the loader's word, such as `recent` or `backfill`.
    """

    start: datetime | None
    end: datetime
    kind: str

    @classmethod
    def of_days(cls, first: date, last: date, kind: str) -> Self:
        """The Moscow days from `first` to `last`, both included."""
        return cls(day_start(first), day_start(last + timedelta(days=1)), kind)

    @property
    def first(self) -> date:
        """The first Moscow day. Raises ValueError where the window has no start."""
        if self.start is None:
            raise ValueError("a window without a start has no first day")
        return moscow_day(self.start)

    @property
    def last(self) -> date:
        """The last Moscow day of which a part is covered."""
        return moscow_day(self.end - timedelta(microseconds=1))

    @property
    def days(self) -> int:
        """Number of Moscow days."""
        return (self.last - self.first).days + 1

    def holds(self, moment: datetime) -> bool:
        """Whether the moment is covered."""
        return (self.start is None or moment >= self.start) and moment < self.end
