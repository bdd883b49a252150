"""What a column of a table is: the headings it stands under, and how its cells are read together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from qtickets_api.brought.tables.cells import no_value, plain, replaced
from qtickets_api.brought.tables.days import read_days, read_months
from qtickets_api.brought.tables.numbers import read_numbers

Kind = Literal["text", "id", "count", "amount", "day", "month", "currency"]

_CENT = Decimal("0.01")
_NOISE = Decimal("0.00000001")  # a millionth of a kopeck: what binary fractions leave
_LARGEST_AMOUNT = Decimal(10) ** 15
_LARGEST_COUNT = 10**15
_LARGEST_ID = 10**19
_UNIT = re.compile(r"[\s,]*[(\[]?\s*(?:руб\.?|рублей|₽|rub|шт\.?|pcs)\s*[)\]]?$")
_ROUBLES = frozenset({"₽", "РУБ", "РУБ.", "РУБЛИ", "RUR"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name, the headings it may stand under, what its cells are.

    `default` stands for a blank cell where the column is not required.
    """

    name: str
    headings: tuple[str, ...]
    kind: Kind
    required: bool = True
    default: Any = None


@dataclass(slots=True)
class ColumnReading:
    """The values of a column by position, why some are wrong, how they are written, and how many characters of names
    were replaced."""

    values: list[Any]
    wrong: dict[int, str] = field(default_factory=dict)
    form: str = ""
    replaced: int = 0


def heading(cell: str) -> str:
    """A heading as it is compared: lower case, ё as е, without a unit or a colon at its end."""
    text = plain(replaced(cell.replace("\u200b", "").replace("\ufeff", ""))[0]).lower().replace("ё", "е").strip(" :*")
    return _UNIT.sub("", text) or text


def read_column(column: Column, cells: Sequence[str], decimal: str = "") -> ColumnReading:
    """Read the cells of a column, none of them blank. `decimal` is the decimal sign if the cells leave it open."""
    refused = {position: why for position, cell in enumerate(cells) if (why := no_value(cell))}
    if not refused:
        return _READERS[column.kind](cells, decimal)
    # formulas and errors are no evidence of how the others are written
    kept = [position for position in range(len(cells)) if position not in refused]
    read = _READERS[column.kind]([cells[position] for position in kept], decimal)
    values: list[Any] = [None] * len(cells)
    for position, value in zip(kept, read.values, strict=True):
        values[position] = value
    wrong = refused | {kept[position]: why for position, why in read.wrong.items()}
    return ColumnReading(values, wrong, read.form, read.replaced)


def _read_text(cells: Sequence[str], _: str) -> ColumnReading:
    found = ColumnReading([], form="text")
    for cell in cells:
        text, count = replaced(cell)
        found.values.append(plain(text))
        found.replaced += count
    return found


def _read_ids(cells: Sequence[str], decimal: str) -> ColumnReading:
    return _read_whole(cells, "id", decimal, 1, _LARGEST_ID, "an id of 1 or more was expected, of at most 19 digits")


def _read_counts(cells: Sequence[str], decimal: str) -> ColumnReading:
    return _read_whole(cells, "count", decimal, 0, _LARGEST_COUNT, "a whole number of at most 15 digits was expected")


def _read_whole(
    cells: Sequence[str], kind: Literal["id", "count"], decimal: str, least: int, bound: int, expected: str
) -> ColumnReading:
    found = read_numbers(cells, kind, decimal)
    read = ColumnReading([], found.wrong, found.form)
    for position, number in enumerate(found.values):
        value = None if number is None else int(number)
        if value is not None and not least <= value < bound:
            read.wrong[position] = expected
            value = None
        read.values.append(value)
    return read


def _read_amounts(cells: Sequence[str], decimal: str) -> ColumnReading:
    found = read_numbers(cells, "amount", decimal)
    read = ColumnReading([], found.wrong, found.form)
    for position, number in enumerate(found.values):
        value = None
        if number is not None and abs(number) < _LARGEST_AMOUNT:
            value = number.quantize(_CENT)
            if abs(value - number) > _NOISE:
                value = None
                read.wrong[position] = "an amount with at most two decimals was expected"
        elif number is not None:
            read.wrong[position] = "an amount below 10^15 was expected"
        read.values.append(value)
    return read


def _read_days(cells: Sequence[str], _: str) -> ColumnReading:
    found = read_days(cells)
    return ColumnReading(found.values, found.wrong, found.form)


def _read_months(cells: Sequence[str], _: str) -> ColumnReading:
    found = read_months(cells)
    return ColumnReading(found.values, found.wrong, found.form)


def _read_currencies(cells: Sequence[str], _: str) -> ColumnReading:
    read = ColumnReading([], form="ISO 4217 code")
    for position, cell in enumerate(cells):
        code = plain(cell).upper()
        code = "RUB" if code in _ROUBLES else code
        known = len(code) == 3 and code.isascii() and code.isalpha()
        if not known:
            read.wrong[position] = "a currency code such as RUB was expected"
        read.values.append(code if known else None)
    return read


_READERS = {
    "text": _read_text,
    "id": _read_ids,
    "count": _read_counts,
    "amount": _read_amounts,
    "day": _read_days,
    "month": _read_months,
    "currency": _read_currencies,
}
