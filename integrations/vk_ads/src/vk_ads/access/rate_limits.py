"""VK's rate headers: slow down to the allowed rate, and stop at an hourly or daily limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from zakaz_common.errors import TryLaterError
from zakaz_common.moscow import MOSCOW


class LimitReached(TryLaterError):
    """An hourly or daily limit is used up; what was loaded stays."""


class RateLimits:
    """Follows ``X-RateLimit-{RPS,Hourly,Daily}-{Limit,Remaining}``, which count per user and method.

    Parameters:
        slow_to: told the allowed requests per second, when a header names them.
        now: the present moment.
    """

    def __init__(self, slow_to: Callable[[float], None], now: Callable[[], datetime]) -> None:
        self._slow_to = slow_to
        self._now = now
        self._spent: dict[str, tuple[str, datetime]] = {}
        #: The API method the next headers belong to.
        self.method = ""

    def observe(self, headers: Mapping[str, str]) -> None:
        """Take note of the headers of one answer."""
        per_second = _number(headers.get("x-ratelimit-rps-limit"))
        if per_second:
            self._slow_to(float(per_second))
        now = self._now().astimezone(MOSCOW)
        next_hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        for name, resets in (("hourly", next_hour), ("daily", midnight)):
            if _number(headers.get(f"x-ratelimit-{name}-remaining")) == 0:
                self._spent[self.method] = (name, resets)

    def check(self) -> None:
        """Refuse to send when the method's limit is used up. Raises LimitReached."""
        spent = self._spent.get(self.method)
        if spent and self._now() < spent[1]:
            name, resets = spent
            raise LimitReached(
                f"VK's {name} limit for {self.method} is used up; it resets by {resets:%d.%m.%Y %H:%M} "
                "Moscow time; what was loaded stays, and the next run after that continues"
            )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None
