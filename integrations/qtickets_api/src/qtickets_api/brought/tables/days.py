"""Which way a column of days is written, decided from all of its cells.

Year first, dots (day first, as they are wherever dots are used) and names of months tell themselves. Slashes and
hyphens may be day first or month first, hyphens with a short year that first too: the cells of the column must tell
which, or it is refused. Excel's serial days are taken only in a column that holds nothing else.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from zakaz_common.moscow import MOSCOW

from qtickets_api.brought.tables.cells import plain

FIRST_YEAR, LAST_YEAR = 1971, 2105
"""What a Date of ClickHouse holds, with room."""
_SHORT_YEARS = range(2010, 2060)  # what two digits may mean: no ticket of these sheets was sold in 2005 or 2099
_SERIAL_DAYS = range(36_526, 73_051)  # 2000-01-01 to 2099-12-31
_EXCEL_EPOCH = date(1899, 12, 30)

_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?"
_TIME = rf"(?:[T ]\s*{_CLOCK}\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
_ZONE = r"\s*(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?"
_YEAR_FIRST = re.compile(rf"(?P<y>\d{{4}})(?P<s>[-/.])(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}}){_TIME}{_ZONE}", re.ASCII)
_DOTS = re.compile(rf"(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<y>\d{{4}}|\d\d)(?:\s*г\.?)?,?{_TIME}", re.ASCII)
_SLASHES = re.compile(rf"(?P<a>\d{{1,2}})(?P<s>[/-])(?P<b>\d{{1,2}})(?P=s)(?P<y>\d{{4}}|\d\d),?{_TIME}", re.ASCII)
_NAMED = re.compile(rf"(?P<d>\d{{1,2}})[ .-](?P<name>[^\W\d_]{{3,}})\.?[ .-](?P<y>\d{{4}}|\d\d)(?:\s*г\.?)?,?{_TIME}")
_SERIAL = re.compile(r"(\d{5})(?:[.,]\d+)?", re.ASCII)

_MONTH_FIRST_YEAR = re.compile(r"(?P<y>\d{4})[-./](?P<m>\d{1,2})", re.ASCII)
_MONTH_LAST_YEAR = re.compile(r"(?P<m>\d{1,2})[-./](?P<y>\d{4})", re.ASCII)
_MONTH_NAMED = re.compile(r"(?P<name>[^\W\d_]{3,})\.?[\s.,-]*(?P<y>\d{4})(?:\s*(?:г\.?|года?))?")
_MONTH_NAMED_SHORT = re.compile(r"(?P<name>[^\W\d_]{3,})[.\-'’]\s?(?P<y>\d\d)")  # ноя.26; May 26 is a day
_MONTH_NAMED_LAST = re.compile(r"(?P<y>\d{4})[\s.,-]+(?P<name>[^\W\d_]{3,})\.?")
_NAMES = (
    ("янв", "jan", "январь", "января", "january"), ("фев", "feb", "февр", "февраль", "февраля", "february"),
    ("мар", "mar", "март", "марта", "march"), ("апр", "apr", "апрель", "апреля", "april"),
    ("май", "may", "мая"), ("июн", "jun", "июнь", "июня", "june"), ("июл", "jul", "июль", "июля", "july"),
    ("авг", "aug", "август", "августа", "august"), ("сен", "sep", "сент", "sept", "сентябрь", "сентября", "september"),
    ("окт", "oct", "октябрь", "октября", "october"), ("ноя", "nov", "нояб", "ноябрь", "ноября", "november"),
    ("дек", "dec", "декабрь", "декабря", "december"),
)  # fmt: skip
MONTHS = {name: number for number, names in enumerate(_NAMES, start=1) for name in names}

_DAY_EXPECTED = "a day such as 2026-11-05 or 05.11.2026 was expected"
_MONTH_EXPECTED = "a month such as 2026-11, 11.2026 or ноябрь 2026 was expected"

Order = Callable[[re.Match[str]], date | None]


@dataclass(slots=True)
class DayReading:
    """The days of a column: None where a cell is wrong; `wrong` says why by position, `form` how they are written."""

    values: list[date | None]
    wrong: dict[int, str]
    form: str


def read_days(cells: Sequence[str]) -> DayReading:
    """Read a column's cells, none of them blank, as days; a time with a zone gives its Moscow day."""
    return _Column(cells, months=False).read()


def read_months(cells: Sequence[str]) -> DayReading:
    """The same for months, each as its first day. A day inside a month is none."""
    return _Column(cells, months=True).read()


class _Column:
    def __init__(self, cells: Sequence[str], *, months: bool) -> None:
        self._texts = [plain(cell) for cell in cells]
        self._months = months
        self._wrong: dict[int, str] = {}
        self._values: list[date | None] = [None] * len(cells)
        self._forms: dict[str, None] = {}
        self._undecided: set[int] = set()

    def read(self) -> DayReading:
        if self._texts and all(_SERIAL.fullmatch(text) for text in self._texts):
            self._read_serials()
        else:
            self._read_written()
        for position, value in enumerate(self._values):
            if value is None and position not in self._wrong and position not in self._undecided:
                self._wrong[position] = self._expected
        return DayReading(self._values, self._wrong, " and ".join(self._forms) or "undecided")

    @property
    def _expected(self) -> str:
        return _MONTH_EXPECTED if self._months else _DAY_EXPECTED

    def _read_serials(self) -> None:
        for position, text in enumerate(self._texts):
            serial = int(text[:5])
            if serial in _SERIAL_DAYS:
                self._take(position, _EXCEL_EPOCH + timedelta(days=serial), "serial days of Excel")

    def _read_written(self) -> None:
        slashed: dict[int, re.Match[str]] = {}
        for position, text in enumerate(self._texts):
            if found := _SLASHES.fullmatch(text):
                slashed[position] = found
                continue
            value, form = self._read_one(text)
            if value is not None:
                self._take(position, value, form)
        if slashed:
            self._read_slashed(slashed)

    def _read_one(self, text: str) -> tuple[date | None, str]:
        if found := _YEAR_FIRST.fullmatch(text):
            return _moment(found, int(found["m"]), int(found["d"]), found["zone"]), "year-month-day"
        if found := _DOTS.fullmatch(text):
            return _moment(found, int(found["m"]), int(found["d"])), "day.month.year"
        if (found := _NAMED.fullmatch(text)) and found["name"].lower() in MONTHS:
            return _moment(found, MONTHS[found["name"].lower()], int(found["d"])), "day month-name year"
        return self._read_month(text) if self._months else (None, "")

    def _read_month(self, text: str) -> tuple[date | None, str]:
        for pattern, form in ((_MONTH_FIRST_YEAR, "year-month"), (_MONTH_LAST_YEAR, "month.year")):
            if found := pattern.fullmatch(text):
                return _day(found["y"], int(found["m"]), 1), form
        for pattern in (_MONTH_NAMED, _MONTH_NAMED_SHORT, _MONTH_NAMED_LAST):
            if (found := pattern.fullmatch(text)) and found["name"].lower() in MONTHS:
                return _day(found["y"], MONTHS[found["name"].lower()], 1), "month-name year"
        return None, ""

    def _read_slashed(self, slashed: dict[int, re.Match[str]]) -> None:
        sign = next(iter(slashed.values()))["s"]
        orders: dict[str, Order] = {
            f"day{sign}month{sign}year": lambda found: _moment(found, int(found["b"]), int(found["a"])),
            f"month{sign}day{sign}year": lambda found: _moment(found, int(found["a"]), int(found["b"])),
            "year-month-day": _short_year_first,
        }
        read = {
            form: {
                p: value for p, found in slashed.items() if (value := order(found)) is not None and self._fits(value)
            }
            for form, order in orders.items()
        }
        readable = set().union(*read.values())
        alive = [form for form in orders if set(read[form]) == readable]
        if not alive:
            for position in readable:
                self._wrong[position] = (
                    "some days of the column are day first and some month first; write all as 2026-11-05"
                )
            return
        for position in sorted(readable):
            days = sorted({str(read[form][position]) for form in alive})
            if len(days) > 1:
                self._wrong[position] = (
                    f"{self._texts[position].split(' ')[0]} is {' or '.join(days)}, and no cell of the column tells "
                    "which; write the days as 2026-11-05 or 05.11.2026"
                )
                self._undecided = readable  # told once
                return
        for position in readable:
            self._take(position, read[alive[0]][position], alive[0] if len(alive) == 1 else "day and month alike")

    def _fits(self, value: date) -> bool:
        return not self._months or value.day == 1

    def _take(self, position: int, value: date, form: str) -> None:
        if self._months and value.day != 1:
            self._wrong[position] = f"{_MONTH_EXPECTED}, a day inside a month was found"
            return
        self._values[position] = value
        self._forms[form] = None


def _moment(found: re.Match[str], month: int, day: int, zone: str | None = None) -> date | None:
    value = _day(found["y"], month, day)
    if value is None or found["hour"] is None:
        return value if zone is None else None
    hour, half = int(found["hour"]), (found["half"] or "").lower()[:1]
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 if half else hour  # the day is what counts
    written = f"{value}T{hour:02}:{found['minute']}:{found['second'] or '00'}{(zone or '').replace('Z', '+00:00')}"
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return (moment.astimezone(MOSCOW) if zone else moment).date()


def _short_year_first(found: re.Match[str]) -> date | None:
    """26-11-05, which day first would be a day of 2005."""
    return _day(found["a"], int(found["b"]), int(found["y"])) if found["s"] == "-" else None


def _day(year: str, month: int, day: int) -> date | None:
    whole = int(year) + (2000 if len(year) == 2 else 0)
    if len(year) == 2 and whole not in _SHORT_YEARS:
        return None
    try:
        value = date(whole, month, day)
    except ValueError:
        return None
    return value if FIRST_YEAR <= value.year <= LAST_YEAR else None
