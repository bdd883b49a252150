"""The filter language of the Qtickets API: ``where``, ``orderBy`` and ``page`` in the JSON body of a GET."""

from __future__ import annotations

import operator
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from api_sandbox.season.moscow_time import parse_iso

T = TypeVar("T")
_CACHED_RESULTS = 64


class MalformedFilter(Exception):
    """The body cannot be understood; the live service answers an unexplained 503."""


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """A filterable column: how to read it, and how a JSON value becomes comparable to it (or ValueError)."""

    read: Callable[[T], Any]
    parse: Callable[[Any], Any]


def integer(value: Any) -> int:
    """Numbers, booleans and numeric strings, as PHP takes them."""
    return int(value)


def moment(value: Any) -> int:
    """ISO 8601 text → epoch second."""
    if not isinstance(value, str):
        raise ValueError(f"expected a date, found {value!r}")
    return parse_iso(value)


def money(value: Any) -> int:
    """Roubles → kopecks."""
    return round(float(value) * 100)


_COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_MEMBER = {"in": True, "in array": True, "not in": False, "not in array": False}


@dataclass(frozen=True, slots=True)
class _Condition:
    column: str
    operator: str
    value: Any

    def test(self, read: Callable[[Any], Any]) -> Callable[[Any], bool]:
        """A predicate over rows; NULL matches nothing but ``null``, as in SQL."""
        value = self.value
        if self.operator == "null":
            return lambda row: read(row) is None
        if self.operator in _MEMBER:
            wanted = _MEMBER[self.operator]
            return lambda row: (found := read(row)) is not None and (found in value) is wanted
        compare = _COMPARE[self.operator]
        return lambda row: (found := read(row)) is not None and compare(found, value)


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed request body."""

    conditions: tuple[_Condition, ...] = ()
    order_by: tuple[tuple[str, bool], ...] = ()
    page: int = 1


def decode_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a request body; an empty body is an empty object. Raises MalformedFilter."""
    if not body.strip():
        return {}
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise MalformedFilter(str(error)) from error
    if value == []:  # PHP clients send an empty map as a list
        return {}
    if not isinstance(value, dict):
        raise MalformedFilter("expected an object")
    return value


def parse_query(body: dict[str, Any], columns: dict[str, Column[Any]]) -> Query:
    """Check a body against the columns of a resource. Raises MalformedFilter."""
    try:
        where = body.get("where") or []
        if not isinstance(where, list):
            raise MalformedFilter("where: expected a list")
        order_by = body.get("orderBy") or {}
        if not isinstance(order_by, dict) or not all(
            name in columns and direction in ("asc", "desc") for name, direction in order_by.items()
        ):
            raise MalformedFilter("orderBy: expected {column: asc|desc}")
        page = body.get("page", 1)
        if isinstance(page, bool) or int(page) < 1:
            raise MalformedFilter("page: expected 1 or more")
        return Query(
            tuple(_condition(entry, columns) for entry in where),
            tuple((name, direction == "desc") for name, direction in order_by.items()),
            int(page),
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise MalformedFilter(str(error)) from error


def _condition(entry: dict[str, Any], columns: dict[str, Column[Any]]) -> _Condition:
    column = columns[entry["column"]]
    name = entry.get("operator", "=")
    if name == "null":
        return _Condition(entry["column"], name, None)
    if name in _MEMBER:
        return _Condition(entry["column"], name, frozenset(column.parse(item) for item in entry["value"]))
    if name not in _COMPARE:
        raise MalformedFilter(f"operator {name!r}")
    return _Condition(entry["column"], name, column.parse(entry["value"]))


class Resource(Generic[T]):
    """Rows of one kind with a fixed page size.

    Filtered lists are remembered until the season's revision changes, and comparisons of ``id`` are answered by
    bisection: both paging by number and paging by key cost one scan for a whole run, not one a page.
    """

    def __init__(self, rows: Callable[[], Iterable[T]], columns: dict[str, Column[T]], per_page: int) -> None:
        self.rows = rows
        self.columns = columns
        self.per_page = per_page
        self._results: OrderedDict[tuple[Any, ...], tuple[list[T], list[Any]]] = OrderedDict()
        self._revision = -1

    def page(self, query: Query, revision: int) -> tuple[list[T], int]:
        """(rows of the page, total number of matching rows)."""
        if revision != self._revision:
            self._results.clear()
            self._revision = revision
        by_id = [c for c in query.conditions if c.column == "id" and c.operator in ("<", ">", "<=", ">=")]
        rest = tuple(c for c in query.conditions if c not in by_id)
        ascending = query.order_by in ((), (("id", False),))
        rows, ids = self._filtered(rest if ascending else query.conditions, () if ascending else query.order_by)
        low, high = 0, len(rows)
        for condition in by_id if ascending else ():
            cut = (bisect_left if condition.operator in ("<", ">=") else bisect_right)(ids, condition.value)
            low, high = (max(low, cut), high) if condition.operator in (">", ">=") else (low, min(high, cut))
        total = max(0, high - low)
        start = low + (query.page - 1) * self.per_page
        return rows[start : min(high, start + self.per_page)], total

    def _filtered(
        self, conditions: tuple[_Condition, ...], order_by: tuple[tuple[str, bool], ...]
    ) -> tuple[list[T], list[Any]]:
        key = (conditions, order_by)
        found = self._results.get(key)
        if found is None:
            tests = [condition.test(self.columns[condition.column].read) for condition in conditions]
            read_id = self.columns["id"].read
            rows = sorted((row for row in self.rows() if all(test(row) for test in tests)), key=read_id)
            for name, descending in reversed(order_by):
                read = self.columns[name].read
                rows.sort(key=partial(_nulls_first, read), reverse=descending)
            found = self._results[key] = (rows, [read_id(row) for row in rows])
            if len(self._results) > _CACHED_RESULTS:
                self._results.popitem(last=False)
        else:
            self._results.move_to_end(key)
        return found


def _nulls_first(read: Callable[[T], Any], row: T) -> tuple[bool, Any]:
    value = read(row)
    return value is not None, value or 0
