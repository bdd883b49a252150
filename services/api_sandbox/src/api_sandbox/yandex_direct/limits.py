"""Limits of Yandex Direct: reports asked for in ten seconds, requests at once, units."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from api_sandbox.yandex_direct.errors import DirectError


class RequestWindow:
    """At most ``most`` requests of a user in ``seconds``; ``clock`` answers seconds."""

    def __init__(self, clock: Callable[[], float], most: int, seconds: float) -> None:
        self.clock = clock
        self.most = most
        self.seconds = seconds
        self._seen: dict[str, deque[float]] = {}

    def take(self, user: str) -> None:
        """Count one request; a refused one is not counted. Raises DirectError."""
        now = self.clock()
        seen = self._seen.setdefault(user, deque())
        while seen and seen[0] <= now - self.seconds:
            seen.popleft()
        if len(seen) >= self.most:
            raise DirectError(56, f"Не более {self.most} запросов за {self.seconds:g} секунд")
        seen.append(now)


class Connections:
    """At most ``most`` requests of a login at the same time."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._open: Counter[str] = Counter()

    @contextmanager
    def held(self, login: str) -> Iterator[None]:
        """One of them for the time of the block. Raises DirectError."""
        if self._open[login] >= self.most:
            raise DirectError(506, f"Не более {self.most} одновременных запросов")
        self._open[login] += 1
        try:
            yield
        finally:
            self._open[login] -= 1


class Units:
    """The units of each login, which requests to objects cost and nothing gives back."""

    def __init__(self, daily: int) -> None:
        self.daily = daily
        self._spent: Counter[str] = Counter()
        self.used_up = False

    def check(self, login: str) -> None:
        """Raises DirectError when there are none left."""
        if self.used_up or self._spent[login] >= self.daily:
            raise DirectError(152, "Недостаточно баллов для выполнения операции")

    def spend(self, login: str, cost: int) -> str:
        """The ``Units`` header after this cost: spent, left, daily limit."""
        self._spent[login] += cost
        return f"{cost}/{max(0, self.daily - self._spent[login])}/{self.daily}"
