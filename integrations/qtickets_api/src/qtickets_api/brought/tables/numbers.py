"""Which signs a column of numbers is written with, decided from all of its cells.

A form is a decimal sign and a thousands sign. Those forms stay that read every cell; where they give different numbers,
the column is refused with the readings named, unless the operator says which sign is decimal.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

from qtickets_api.brought.tables.cells import SPACES

POINT, COMMA = ".", ","
DECIMAL_SIGNS = {"point": POINT, "comma": COMMA}
_APOSTROPHES = re.compile("['\u2019\u2018\u02bc\u02c8\u00b4`\u2032]")
_CURRENCY = re.compile(r"(?:\s*(?:₽|руб(?:\.|лей|ля|ль)?|р\.|rub\.?|rur))$|^(?:₽|rub)\s*", re.IGNORECASE)
_PIECES = re.compile(r"\s*шт\.?$", re.IGNORECASE)
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d*)?[eе][+-]?\d+", re.IGNORECASE)
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
_DIGITS = re.compile(r"\d+", re.ASCII)
_SIGN_NAMES = {"": "none", " ": "space", "'": "apostrophe", POINT: "point", COMMA: "comma"}

Kind = Literal["amount", "count", "id"]

_EXPECTED = {
    "amount": "an amount such as 1234.56 was expected",
    "count": "a whole number of 0 or more was expected",
    "id": "a whole number of 0 or more was expected",
}


@dataclass(frozen=True)
class NumberForm:
    """A decimal sign and a thousands sign."""

    decimal: str
    thousands: str

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        group = rf"|[1-9]\d{{0,2}}(?:{re.escape(self.thousands)}\d{{3}})+" if self.thousands else ""
        return re.compile(rf"([+-]?)(\d+{group})(?:{re.escape(self.decimal)}(\d+))?", re.ASCII)

    def read(self, text: str) -> Decimal | None:
        """The number a cleaned cell shows in this form; None if it is none."""
        found = self._pattern.fullmatch(text)
        if found is None:
            return None
        sign, whole, fraction = found.groups()
        if self.thousands:
            whole = whole.replace(self.thousands, "")
        return Decimal(f"{sign}{whole}.{fraction or 0}")


FORMS = tuple(
    NumberForm(decimal, thousands)
    for decimal in (POINT, COMMA)
    for thousands in ("", " ", "'", POINT, COMMA)
    if decimal != thousands
)


@dataclass(slots=True)
class NumberReading:
    """The numbers of a column: None where a cell is wrong; `wrong` says why by position; `form` tells the signs."""

    values: list[Decimal | None]
    wrong: dict[int, str]
    form: str


def read_numbers(cells: Sequence[str], kind: Kind, decimal: str = "") -> NumberReading:
    """Read a column's cells, none of them blank.

    `decimal` (`.`, `,` or nothing) is the decimal sign where the cells leave it open. Counts and ids must be whole,
    which counts as evidence: 1,500 tickets are no one and a half. Amounts keep whatever decimals were written.
    """
    texts = [_cleaned(cell, _CURRENCY if kind == "amount" else _PIECES) for cell in cells]
    wrong: dict[int, str] = {}
    read: list[int] = []
    readings: dict[NumberForm, dict[int, Decimal]] = {form: {} for form in FORMS}
    values: list[Decimal | None] = [None] * len(cells)
    for position, text in enumerate(texts):
        if _DIGITS.fullmatch(text):
            values[position] = Decimal(text)
            continue
        shown = False
        for form in FORMS:
            value = form.read(text)
            if value is not None and (kind == "amount" or _is_count(value)):
                readings[form][position] = value
                shown = True
        if shown:
            read.append(position)
        else:
            wrong[position] = _why_none(text, kind)
    decided = _decide(texts, read, readings, decimal, wrong)
    if decided is None:
        return NumberReading(values, wrong, "undecided")
    for position in read:
        values[position] = None if position in wrong else readings[decided].get(position)
    return NumberReading(values, wrong, _tell(decided, [texts[position] for position in read]))


def _decide(
    texts: Sequence[str],
    read: Sequence[int],
    readings: dict[NumberForm, dict[int, Decimal]],
    decimal: str,
    wrong: dict[int, str],
) -> NumberForm | None:
    alive = [form for form in FORMS if len(readings[form]) == len(read)]
    if not alive:
        _name_the_odd_ones(texts, read, readings, wrong)
        return None
    said = [form for form in alive if form.decimal == decimal]
    alive = said or alive
    form = alive[0]
    for position in read:
        numbers = sorted({readings[other][position] for other in alive})
        if len(numbers) > 1:
            wrong[position] = (
                f"{texts[position]} is {' or '.join(_shown(number) for number in numbers)}, and no cell of the column "
                "tells which; write it without thousands signs and with two decimals, or say which sign is decimal "
                "(--decimal point or --decimal comma)"
            )
            return None
    if not said:
        _doubt(texts, read, form, readings[form], wrong)
    return form


def _name_the_odd_ones(
    texts: Sequence[str],
    read: Sequence[int],
    readings: dict[NumberForm, dict[int, Decimal]],
    wrong: dict[int, str],
) -> None:
    """No form reads every cell: the cells that the commonest form does not read are wrong."""
    best = max(FORMS, key=lambda form: len(readings[form]))
    for position in read:
        if position not in readings[best]:
            wrong[position] = (
                f"{texts[position]} is written with other signs than the column's other cells "
                f"(decimal {_SIGN_NAMES[best.decimal]}, thousands {_SIGN_NAMES[best.thousands]}); write all alike"
            )


def _doubt(
    texts: Sequence[str], read: Sequence[int], form: NumberForm, numbers: dict[int, Decimal], wrong: dict[int, str]
) -> None:
    """A 1,500 is doubtful among 12,50 and 7,25, and where nothing but another cell's thousands sign (1 500) makes its
    comma decimal: people mix those. Another cell with three decimals (0,500 or 1500,000) vouches for it.
    """
    decimals = [texts[position] for position in read if form.decimal in texts[position]]
    lengths = {len(text.rpartition(form.decimal)[2]) for text in decimals}
    if len(lengths) < 2 and not all(_EITHER.fullmatch(text) for text in decimals):
        return
    for position in read:
        if _EITHER.fullmatch(texts[position]) and form.decimal in texts[position]:
            other = Decimal(texts[position].replace(form.decimal, ""))
            wrong[position] = (
                f"{texts[position]} is {_shown(numbers[position])} as the column's other cells are written, and "
                f"{_shown(other)} by its three digits; write it like the others, or say which sign is decimal "
                "(--decimal point or --decimal comma)"
            )


def _cleaned(cell: str, unit: re.Pattern[str]) -> str:
    text = SPACES.sub(" ", cell).strip()
    text = unit.sub("", text).strip()
    return _APOSTROPHES.sub("'", text).replace("\u2212", "-")


def _why_none(text: str, kind: Kind) -> str:
    if _SCIENTIFIC.fullmatch(text):
        return (
            "the spreadsheet wrote a number such as 1E+15 and its last digits are lost; format the column as a number "
            "without decimals and export again"
        )
    return _EXPECTED[kind]


def _tell(form: NumberForm, texts: Sequence[str]) -> str:
    """The signs that were really seen."""
    said = []
    if any(form.decimal in text for text in texts):
        said.append(f"decimal {_SIGN_NAMES[form.decimal]}")
    if form.thousands and any(form.thousands in text for text in texts):
        said.append(f"thousands {_SIGN_NAMES[form.thousands]}")
    return ", ".join(said) or "plain digits"


def _is_count(value: Decimal) -> bool:
    return value >= 0 and value == value.to_integral_value()


def _shown(number: Decimal) -> str:
    """Without an exponent, whole or with two decimals at least."""
    whole, _, fraction = f"{number:f}".partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction:0<2}" if fraction else whole
