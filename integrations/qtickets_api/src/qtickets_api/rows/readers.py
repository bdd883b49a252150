"""Columns of staging from the values of many records, each column in one go.

A reader for a field that a figure needs raises UnreadableError; one for a descriptive field leaves the value empty and
tells `note` the row and the reason.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from zakaz_common.money import Kopecks, MoneyError, Sent
from zakaz_common.moscow import unix_seconds
from zakaz_common.ranks import UnreadableError
from zakaz_common.text import DAMAGED_TEXT, clean_text, is_damaged

from qtickets_api.records import PriceObject, Text

T = TypeVar("T")
Note = Callable[[int, str], None]
"""Told the row of a value that could not be read, and the reason."""

KOPECKS = Kopecks()
NO_LANGUAGE = "an object of languages holds no text"
_FIRST_SECOND = 31_536_000  # 1971-01-01: no zone takes it below what DateTime keeps
_LAST_SECOND = 4_291_747_200  # 2106-01-01


def money(values: Sequence[Sent], path: str) -> list[Any]:
    """Whole kopecks of a field that a figure needs. `path` has `{}` where the row's number belongs."""
    try:
        return list(map(KOPECKS.__getitem__, values))
    except MoneyError:
        return _each(KOPECKS.__getitem__, values, _raising(path))


def loose_money(values: Sequence[Sent], note: Note) -> list[Any]:
    """Whole kopecks of a descriptive field, None where there are none."""
    try:
        return list(map(KOPECKS.__getitem__, values))
    except MoneyError:
        return _each(KOPECKS.__getitem__, values, note)


def price_shown(value: PriceObject | Sent) -> Sent:
    """The amount of a show's price: the live service sends an object, documents a number."""
    return value.default_price if isinstance(value, PriceObject) else value


def seconds(values: Sequence[datetime | None], path: str) -> list[Any]:
    """Unix seconds of a field that a figure needs, None where it is null."""
    found, fit = _seconds(values)
    return found if fit else _each(_second, values, _raising(path))


def loose_seconds(values: Sequence[datetime | None], note: Note) -> list[Any]:
    """Unix seconds of a descriptive field, None where there are none."""
    found, fit = _seconds(values)
    return found if fit else _each(_second, values, note)


def loose_second(value: datetime | None, note: Callable[[str], None]) -> Any:
    """Unix seconds of one descriptive value."""
    return loose_seconds([value], lambda _, reason: note(reason))[0]


def shown_text(value: Text, note: Callable[[str], None]) -> str:
    """A text as it may be stored and shown; `note` is told when something in it was replaced or cut."""
    sent = localised(value)
    cleaned = clean_text(sent)
    if is_damaged(sent, cleaned):
        note(DAMAGED_TEXT)
    elif not sent and isinstance(value, dict) and any(one and not isinstance(one, str) for one in value.values()):
        note(NO_LANGUAGE)
    return cleaned


def localised(text: str | Mapping[str, Any] | None) -> str:
    """A text as it is, or the Russian one of an object of languages, or its first one."""
    if text is None:
        return ""
    if isinstance(text, str):
        return text
    for language in ("ru", *text):
        found = text.get(language)
        if isinstance(found, str) and found.strip():
            return found
    return ""


def _seconds(values: Sequence[datetime | None]) -> tuple[list[Any], bool]:
    given = [value for value in values if value is not None]
    found: list[Any] = unix_seconds(given)
    fit = not found or _FIRST_SECOND <= min(found) <= max(found) <= _LAST_SECOND
    if len(given) < len(values):
        next_given = iter(found).__next__
        found = [None if value is None else next_given() for value in values]
    return found, fit


def _second(value: datetime | None) -> int | None:
    (found,), fit = _seconds([value])
    if not fit:
        raise ValueError("the year is out of range (1971 to 2105)")
    return found


def _each(read: Callable[[Any], T], values: Sequence[Any], note: Note) -> list[T | None]:
    """Value by value, since some cannot be read."""
    found: list[T | None] = []
    for at, value in enumerate(values):
        try:
            found.append(read(value))
        except ValueError as error:
            note(at, str(error))
            found.append(None)
    return found


def _raising(path: str) -> Note:
    def note(at: int, reason: str) -> None:
        raise UnreadableError(path.format(at), reason)

    return note
