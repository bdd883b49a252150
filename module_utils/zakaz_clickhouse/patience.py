"""Failures that pass are waited out: one statement, asked again with growing pauses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from .failures import ClickHouseFailure, is_passing

T = TypeVar("T")


def _sleep(seconds: float, failure: ClickHouseFailure) -> None:
    time.sleep(seconds)


def patiently(
    statement: Callable[[], T],
    seconds: float,
    *,
    passing: Callable[[ClickHouseFailure], bool] = is_passing,
    pause: Callable[[float, ClickHouseFailure], None] = _sleep,
    clock: Callable[[], float] = time.monotonic,
    first: float = 0.5,
    most: float = 15.0,
) -> T:
    """What the statement returns, once it does.

    :param statement: asks ClickHouse; it must be safe to repeat.
    :param seconds: for so long after its first failure it is asked again.
    :param passing: whether a failure is worth it.
    :param pause: waits so many seconds because of a failure; tests and deadlines have their own.
    :param clock: seconds from any start.
    :param first: seconds of the first pause; each is twice the one before it.
    :param most: seconds of the longest pause.
    :raises ClickHouseFailure: a failure that does not pass, or the last one when the time is over.
    """
    wait, since = first, None
    while True:
        try:
            return statement()
        except ClickHouseFailure as failure:
            if not passing(failure):
                raise
            since = clock() if since is None else since
            if clock() + wait - since > seconds:
                raise
            pause(wait, failure)
        wait = min(wait * 2, most)
