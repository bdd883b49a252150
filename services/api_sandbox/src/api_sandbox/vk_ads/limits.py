"""Request limits of the VK Реклама API: per user and method, per second, hour and day."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from api_sandbox.season.moscow_time import DAY

_MOSCOW_OFFSET = 3 * 3600


class RateLimits:
    """Counts requests; ``clock`` answers epoch seconds. Hours and days begin on the Moscow clock."""

    def __init__(self, clock: Callable[[], float], rps: int, hourly: int, daily: int) -> None:
        self.clock = clock
        self.rps = rps
        self.hourly = hourly
        self.daily = daily
        self._seconds: dict[tuple[int, str], deque[float]] = {}
        self._counts: dict[tuple[int, str, str, int], int] = {}

    def take(self, user_id: int, method: str) -> tuple[bool, dict[str, str]]:
        """Count one request; answers (allowed, rate headers). A refused request is not counted."""
        now = self.clock()
        recent = self._seconds.setdefault((user_id, method), deque())
        while recent and recent[0] <= now - 1:
            recent.popleft()
        local = int(now) + _MOSCOW_OFFSET
        hour = (user_id, method, "hour", local // 3600)
        day = (user_id, method, "day", local // DAY)
        used = (len(recent), self._counts.get(hour, 0), self._counts.get(day, 0))
        limits = (self.rps, self.hourly, self.daily)
        allowed = all(count < limit for count, limit in zip(used, limits, strict=True))
        if allowed:
            recent.append(now)
            self._counts[hour] = used[1] + 1
            self._counts[day] = used[2] + 1
            used = (used[0] + 1, used[1] + 1, used[2] + 1)
        headers = {}
        for name, limit, count in zip(("RPS", "Hourly", "Daily"), limits, used, strict=True):
            headers[f"X-RateLimit-{name}-Limit"] = str(limit)
            headers[f"X-RateLimit-{name}-Remaining"] = str(max(0, limit - count))
        return allowed, headers
