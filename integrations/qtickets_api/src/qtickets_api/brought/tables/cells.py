"""What any cell may hold besides its value: formulas, errors of the spreadsheet, characters that show nothing."""

import re
import unicodedata

SPACES = re.compile("[\\s\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ERROR = re.compile(
    r"#(?:REF|VALUE|NAME|NUM|NULL|SPILL|CALC|BLOCKED|ERROR|N/A|DIV/0|ССЫЛКА|ЗНАЧ|ИМЯ|ЧИСЛО|ПУСТО|Н/Д|ДЕЛ/0|ПЕРЕНОС)[!?]?",
    re.IGNORECASE,
)
_NARROW = re.compile(r"#{3,}")
_TOTAL = r"(?:общий |промежуточный |grand |sub-?)?(?:итого|всего|итог|total)s?"
TOTAL_CELL = re.compile(rf"{_TOTAL}(?:\s+(?:за|по|for|of|by)\b.*)?\s*[:.]?", re.IGNORECASE | re.DOTALL)
TOTAL_OF_NUMBERS = re.compile(rf"{_TOTAL}(?:[\s,:(].*|[.\-–—]*)|.*\s{_TOTAL}[\s.:]*", re.IGNORECASE | re.DOTALL)
"""In a table with numbers also «Итого, руб.», «Итого Орёл», and «Орёл Итог» as pivot tables write subtotals."""
TOTAL_BEGINS = re.compile(rf"{_TOTAL}\b", re.IGNORECASE)


def replaced(text: str) -> tuple[str, int]:
    """The text with every control, bidirectional or half character as U+FFFD, and how many there were."""
    if text.isprintable():
        return text, 0
    count = 0

    def seen(character: str) -> str:
        nonlocal count
        if character in "\t\n\r":
            return " "
        if unicodedata.category(character) in ("Cc", "Cs") or character in _BIDI:
            count += 1
            return "\ufffd"
        return character

    return "".join(map(seen, text)), count


def plain(text: str) -> str:
    """One line, single spaces, none at the ends."""
    return SPACES.sub(" ", text).strip()


def is_blank(cell: str) -> bool:
    """Whether nothing can be seen in the cell."""
    return not cell.strip("\u200b\ufeff \u00a0\u202f\t\r\n") or not plain(cell)


def no_value(cell: str) -> str | None:
    """Why the cell holds no value at all: a formula, or an error of the spreadsheet. None where it may."""
    text = cell.strip()
    if text.startswith("="):
        return "a formula stands here, not its value; export the sheet as CSV of values"
    if _ERROR.fullmatch(text):
        return "the spreadsheet shows an error here; mend the formula and export again"
    if _NARROW.fullmatch(text):
        return "the spreadsheet shows ### here, its column is too narrow; widen it and export again"
    return None
