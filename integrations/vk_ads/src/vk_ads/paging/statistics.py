"""Daily statistics in as few calls as VK allows: 200 ids and 366 days each, bad ids bisected out.

One unknown or foreign id makes VK refuse the whole call. The call is then halved until the ids at fault
stand alone; they are reported and left out, and everything else is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
from zakaz_common.errors import DataError

MAX_IDS = 200
MAX_DAYS = 366


class IdsRefused(Exception):
    """VK refused a call because of at least one of its ids."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TooManyBadIds(DataError):
    """So many ids are refused that something other than a stray id is wrong."""


#: (ids, first day, last day) → the raw items of the answer; raises IdsRefused.
Fetch = Callable[[Sequence[int], date, date], list[msgspec.Raw]]


@dataclass(frozen=True, slots=True)
class Slice:
    """A complete answer: these ids, these days (inclusive), and the items VK has for them."""

    ids: tuple[int, ...]
    first: date
    last: date
    items: list[msgspec.Raw]


def day_spans(first: date, last: date, longest: int = MAX_DAYS) -> Iterator[tuple[date, date]]:
    """Cut [first, last] (inclusive) into spans of at most ``longest`` days, oldest first."""
    while first <= last:
        end = min(last, first + timedelta(days=longest - 1))
        yield first, end
        first = end + timedelta(days=1)


def read_statistics(
    fetch: Fetch,
    ids: Sequence[int],
    first: date,
    last: date,
    *,
    bad_id: Callable[[int, str], None],
    most_bad: int,
    max_ids: int = MAX_IDS,
    max_days: int = MAX_DAYS,
) -> Iterator[Slice]:
    """Read every id for every day of [first, last].

    Parameters:
        bad_id: called once with each id that VK refuses and the code it gave.
        most_bad: give up with TooManyBadIds when more ids than this are refused; it bounds the calls a
            bisection may cost when it is the access, and not an id, that is wrong.
    Returns:
        complete slices, in order of days, then ids; a refused id is in none of them.
    """
    refused: set[int] = set()

    def report(one: int, code: str) -> None:
        refused.add(one)
        bad_id(one, code)
        if len(refused) > most_bad:
            raise TooManyBadIds(f"VK refuses {len(refused)} of {len(ids)} banner ids ({code})")

    ordered = sorted(set(ids))
    for span_first, span_last in day_spans(first, last, max_days):
        asked = [one for one in ordered if one not in refused]
        for start in range(0, len(asked), max_ids):
            yield from _read_chunk(fetch, asked[start : start + max_ids], span_first, span_last, report)


def _read_chunk(
    fetch: Fetch, ids: Sequence[int], first: date, last: date, report: Callable[[int, str], None]
) -> Iterator[Slice]:
    try:
        items = fetch(ids, first, last)
    except IdsRefused as refusal:
        if len(ids) == 1:
            report(ids[0], refusal.code)
            return
        middle = len(ids) // 2
        yield from _read_chunk(fetch, ids[:middle], first, last, report)
        yield from _read_chunk(fetch, ids[middle:], first, last, report)
    else:
        yield Slice(tuple(ids), first, last, items)
