"""Days and months in a table's column: how they are written is decided from all cells, or the column is refused."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtickets_api.brought.tables.days import read_days, read_months


def days(*cells):
    read = read_days(cells)
    assert not read.wrong, read.wrong
    return [str(value) for value in read.values]


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("2026-11-05", "2026-11-05"), ("2026-1-5", "2026-01-05"), ("2026/11/05", "2026-11-05"),
        ("2026-11-05T19:30:00", "2026-11-05"), ("2026-11-05 19:30", "2026-11-05"),
        ("2026-11-05T19:30:00.123+03:00", "2026-11-05"), ("2026-11-05T21:30:00Z", "2026-11-06"),
        ("2026-11-05T23:30:00-0500", "2026-11-06"), ("05.11.2026", "2026-11-05"), ("5.11.26", "2026-11-05"),
        ("5.1.2026", "2026-01-05"), ("05.11.2026 19:30", "2026-11-05"), ("05.11.2026 г.", "2026-11-05"),
        ("05.11.2026, 19:30:00", "2026-11-05"), ("13/11/2026", "2026-11-13"), ("11/13/2026", "2026-11-13"),
        ("11/13/26 7:05 PM", "2026-11-13"), ("5 ноября 2026", "2026-11-05"), ("5 Nov 2026", "2026-11-05"),
        ("46331", "2026-11-05"), ("46331.8125", "2026-11-05"), ("46331,5", "2026-11-05"), ("01/01/2026", "2026-01-01"),
        (" 05.11.2026\u00a0", "2026-11-05"), ("5-Nov-26", "2026-11-05"), ("5 ноя. 26", "2026-11-05"),
        ("2026-11-05 22:00:00+00", "2026-11-06"), ("26-11-05", "2026-11-05"), ("01.01.10", "2010-01-01"),
        ("31.12.59", "2059-12-31"),
    ],
)  # fmt: skip
def test_days_as_people_write_them(cell, found):
    assert days(cell) == [found]


@pytest.mark.parametrize(
    "cell",
    ["yesterday", "2026-13-01", "31.02.2026", "0000-00-00", "01.13.2026", "1970-01-01", "2106-01-01", "36525", "73051",
     "20261105", "5", "2026", "11.2026", "2026-11", "2026-11-05 25:00", "2026-11-05T10:00:00+25:00", "13/13/2026",
     "05.11.126", "11/13/2026 13:00 PM", "11/13/2026 0:30 AM", "2026-11-05Z", "٠٥.11.2026", "5 нохбря 2026",
     "31.12.09", "01.01.60", "5-Nov-99", "26/11/05"],
)  # fmt: skip
def test_what_is_no_day(cell):
    assert read_days([cell]).wrong == {0: "a day such as 2026-11-05 or 05.11.2026 was expected"}


def test_slashes_that_could_be_either_are_refused_with_both_readings_once():
    wrong = read_days(["12/12/2026", "01/02/2026", "3/4/2026"]).wrong
    assert list(wrong) == [1]
    assert wrong[1].startswith("01/02/2026 is 2026-01-02 or 2026-02-01, and no cell of the column tells which")
    assert "01-02-26 is" in read_days(["01-02-26"]).wrong[0]


def test_a_short_year_may_come_first_with_hyphens_and_one_cell_decides():
    """The day first, 26-11-12 would be a day of 2012: nothing but other cells can tell."""
    wrong = read_days(["26-11-12", "26-11-28"]).wrong
    assert wrong[0].startswith("26-11-12 is 2012-11-26 or 2026-11-12, and no cell")
    assert days("26-11-12", "26-11-05") == ["2026-11-12", "2026-11-05"]
    assert days("26-11-12", "05-11-26", "13-11-26") == ["2012-11-26", "2026-11-05", "2026-11-13"]


def test_one_cell_decides_for_the_column():
    assert days("01/02/2026", "13/02/2026") == ["2026-02-01", "2026-02-13"]
    assert days("01/02/2026", "02/13/2026") == ["2026-01-02", "2026-02-13"]


def test_both_orders_in_one_column_are_refused():
    assert set(read_days(["13/02/2026", "02/13/2026"]).wrong) == {0, 1}


def test_forms_that_tell_themselves_may_stand_together():
    read = read_days(["2026-12-01", "02.12.2026"])
    assert read.values == [date(2026, 12, 1), date(2026, 12, 2)]
    assert read.form == "year-month-day and day.month.year"


def test_serial_days_stand_alone_or_not_at_all():
    assert list(read_days(["46331", "05.11.2026"]).wrong) == [0]
    assert read_days(["46331", "46332"]).form == "serial days of Excel"


def test_what_was_read_is_told():
    assert read_days(["13/02/2026"]).form == "day/month/year"
    assert read_days(["02-13-2026"]).form == "month-day-year"
    assert read_days(["01/01/2026"]).form == "day and month alike"
    assert read_days(["01/02/2026"]).form == "undecided"


@pytest.mark.parametrize(
    "cell",
    ["2026-11", "11.2026", "11/2026", "2026.11", "ноябрь 2026", "Ноябрь 2026 г.", "ноябрь, 2026", "нояб. 2026",
     "ноя.26", "Nov-26", "Nov 2026", "November 2026", "2026 ноябрь", "01.11.2026", "2026-11-01", "01/11/2026",
     "11/1/2026", "1 ноября 2026", "46327", "2026-11-01 00:00:00", "Ноябрь 2026 года"],
)  # fmt: skip
def test_months_as_people_write_them(cell):
    read = read_months([cell])
    assert read.values == [date(2026, 11, 1)], read.wrong


@pytest.mark.parametrize(
    "cell", ["15.11.2026", "46331", "13.2026", "11.26", "ноябрь", "Nov 26", "2026", "хотябрь 2026"]
)
def test_what_is_no_month(cell):
    assert read_months([cell]).wrong[0].startswith("a month such as 2026-11, 11.2026 or ноябрь 2026 was expected")


def test_a_day_inside_a_month_is_told_as_such():
    assert read_months(["15.11.2026"]).wrong[0].endswith("a day inside a month was found")


EXCEL_EPOCH = date(1899, 12, 30)
MEANT = date(2010, 1, 1), date(2059, 12, 31)  # what a year of two digits may be
FORMS = {
    "iso": lambda d: d.isoformat(),
    "iso time": lambda d: f"{d}T10:00:00",
    "dots": lambda d: f"{d:%d.%m.%Y}",
    "short dots": lambda d: f"{d.day}.{d.month}.{d:%y}",
    "dots time": lambda d: f"{d:%d.%m.%Y} 09:05",
    "day first": lambda d: f"{d:%d/%m/%Y}",
    "month first": lambda d: f"{d.month}/{d.day}/{d:%Y}",
    "month first hyphens": lambda d: f"{d:%m-%d-%y}",
    "serial": lambda d: str((d - EXCEL_EPOCH).days),
}


@given(
    st.lists(st.dates(*MEANT), min_size=1),
    st.sampled_from(sorted(FORMS)),
)
def test_a_day_is_read_as_it_was_written_or_refused_with_both_readings(truth, form):
    read = read_days([FORMS[form](day) for day in truth])
    if read.wrong:
        assert "first" in form
        ((position, sentence),) = read.wrong.items()
        assert str(truth[position]) in sentence
        assert " or " in sentence
    else:
        assert read.values == truth


@given(st.dates(*MEANT).map(lambda day: day.replace(day=1)))
def test_a_first_of_a_month_is_its_month_in_every_form(month):
    for form, write in FORMS.items():
        assert read_months([write(month)]).values == [month], form


def test_the_bounds_of_serial_days():
    assert days("1971-01-01", "2105-12-31") == ["1971-01-01", "2105-12-31"]
    assert days("36526", "73050") == ["2000-01-01", "2099-12-31"]
    assert date(2000, 1, 1) - timedelta(36526) == EXCEL_EPOCH
