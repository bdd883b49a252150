"""Numbers in a table's column: the signs they are written with are decided from all cells, or the column is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtickets_api.brought.tables.columns import Column, read_column
from qtickets_api.brought.tables.numbers import DECIMAL_SIGNS

AMOUNT = Column("revenue", ("revenue",), "amount")
COUNT = Column("tickets", ("tickets",), "count")
ID = Column("event_id", ("event_id",), "id")


def amounts(*cells, decimal=""):
    read = read_column(AMOUNT, cells, decimal)
    assert not read.wrong, read.wrong
    return [str(value) for value in read.values]


def why(column, *cells, decimal=""):
    wrong = read_column(column, cells, decimal).wrong
    assert wrong, "nothing was refused"
    return wrong


@pytest.mark.parametrize("cell", ["1,500", "1.500", "12,345", "999.999", "-1,500", "1,500 ₽", "1,505"])
def test_a_number_that_could_be_either_is_refused_with_both_readings(cell):
    (sentence,) = why(AMOUNT, cell, "950").values()
    digits = cell.strip(" ₽").replace(",", "").replace(".", "")
    assert f" or {digits}," in sentence or f" is {digits} or " in sentence
    decimal = cell.strip(" ₽").replace(",", ".").rstrip("0")
    assert f" {decimal}" in sentence
    assert "--decimal" in sentence


def test_both_readings_are_shown_as_amounts_are():
    assert "1,500 is 1.50 or 1500, and no cell" in why(AMOUNT, "1,500")[0]
    assert "1,000 is 1 or 1000, and no cell" in why(COUNT, "1,000")[0]


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (("1,500", "2,250.75"), ["1500.00", "2250.75"]),
        (("1.500", "2.250,75"), ["1500.00", "2250.75"]),
        (("1,500", "1,234,567"), ["1500.00", "1234567.00"]),
        (("1,500", "1500.75"), ["1500.00", "1500.75"]),
        (("1 500,5", "7"), ["1500.50", "7.00"]),
        (("1\u00a0500,50 ₽", "1\u202f500 руб.", "20 RUB", "₽ 30", "7 р."),
         ["1500.50", "1500.00", "20.00", "30.00", "7.00"]),
        (("1'500.25", "2’500"), ["1500.25", "2500.00"]),
        (("0,500", "12"), ["0.50", "12.00"]),
        (("1500,500",), ["1500.50"]),
        (("\u22121 500,00", "+3"), ["-1500.00", "3.00"]),
        (("1349.1000000000001", "2365.9500000000003"), ["1349.10", "2365.95"]),
        (("12,50", "1500"), ["12.50", "1500.00"]),
    ],
)  # fmt: skip
def test_the_column_decides(cells, found):
    assert amounts(*cells) == found


def test_the_operator_decides_where_the_column_does_not():
    assert amounts("1,500", decimal=",") == ["1.50"]
    assert amounts("1,500", decimal=".") == ["1500.00"]
    assert amounts("12,50", "7,25", "1,500", decimal=",") == ["12.50", "7.25", "1.50"]
    assert sorted(DECIMAL_SIGNS.values()) == [",", "."]


def test_the_operators_word_never_overrules_the_column():
    assert amounts("1,500", "2,250.75", decimal=",") == ["1500.00", "2250.75"]


def test_three_decimals_beside_two_are_doubted():
    assert why(AMOUNT, "12,50", "1,500")[1].startswith(
        "1,500 is 1.50 as the column's other cells are written, and 1500"
    )
    assert amounts("1,500", "2,000", "1500,000") == [
        "1.50",
        "2.00",
        "1500.00",
    ]  # three everywhere: an export of numbers


@pytest.mark.parametrize(("column", "spaced", "other"), [(AMOUNT, "1 500", "2,500"), (AMOUNT, "1'500", "2.500"),
    (AMOUNT, "1.500.000", "2,500"), (COUNT, "1 500", "2,000"), (ID, "900 001", "2.000")])  # fmt: skip
def test_a_thousands_sign_alone_does_not_make_another_sign_decimal(column, spaced, other):
    """1 500 and 2,500 are both thousands, in two hands, as likely as not."""
    assert f"{other} is 2" in why(column, spaced, other)[1]
    assert list(why(column, spaced, other)) == [1]
    assert not read_column(column, [spaced, other], other[1]).wrong


def test_signs_that_differ_within_a_column_are_refused():
    assert list(why(AMOUNT, "12,50", "13,75", "1.50")) == [2]
    assert "other signs than the column's other cells" in why(AMOUNT, "12,50", "13,75", "1.50")[2]


@pytest.mark.parametrize("cell", ["1E+15", "1,23E+15", "1.5e3", "1Е+15"])
def test_scientific_notation_has_lost_digits(cell):
    for column in (ID, COUNT, AMOUNT):
        assert "its last digits are lost" in why(column, cell, "5")[0]


@pytest.mark.parametrize(
    ("cell", "found"),
    [("1234567890123456", 1234567890123456), ("9999999999999999999", 9999999999999999999), ("123.0", 123),
     ("123,00", 123), ("900 001", 900001), ("1,500", 1500), ("007", 7)],
)  # fmt: skip
def test_ids(cell, found):
    assert read_column(ID, [cell]).values == [found]
    assert not read_column(ID, [cell]).wrong


@pytest.mark.parametrize("cell", ["0", "10000000000000000000", "-1", "1.5", "12a", "1 2", "", "٣"])
def test_what_is_no_id(cell):
    assert list(why(ID, cell)) == [0]


def test_a_whole_number_may_have_no_part():
    assert read_column(COUNT, ["1,500", "3"]).values == [1500, 3]  # one and a half tickets are none
    assert why(COUNT, "1,5") == why(COUNT, "-1") == {0: "a whole number of 0 or more was expected"}
    assert read_column(COUNT, ["0", "5 шт."]).values == [0, 5]
    assert "whole number" in why(COUNT, "5 руб.")[0]
    assert "at most 15 digits" in why(COUNT, "1000000000000000")[0]


@pytest.mark.parametrize(
    "cell", ["free", "12-50", "1,2,3", "12,34,567", "1 50", "$5", "5 USD", "--5", "5.", ".5", "(5)", "++5", "+-5"]
)
def test_what_is_no_amount(cell):
    assert why(AMOUNT, cell)[0].startswith("an amount")


def test_amounts_have_bounds():
    assert "two decimals" in why(AMOUNT, "1500.005")[0]
    assert "two decimals" in why(AMOUNT, "0.0000001")[0]
    assert "10^15" in why(AMOUNT, "1000000000000000")[0]
    assert amounts("999999999999999.99") == ["999999999999999.99"]


@pytest.mark.parametrize(
    "cell", ["#REF!", "#N/A", "#ДЕЛ/0!", "#Н/Д", "#ЗНАЧ!", "#DIV/0!", "#NAME?", "=SUM(A1:A3)", " =A1", "####"]
)
def test_formulas_and_errors_of_the_spreadsheet_are_no_values(cell):
    for column in (AMOUNT, ID, Column("name", ("name",), "text"), Column("d", ("d",), "day")):
        assert list(why(column, cell)) == [0]
    assert amounts("#12".strip("#"), "7") == ["12.00", "7.00"]


def test_a_hash_may_begin_a_name():
    assert read_column(Column("name", ("name",), "text"), ["#МосковскоеЛето", "#1"]).values == ["#МосковскоеЛето", "#1"]


def test_an_error_in_one_cell_does_not_change_how_the_others_are_read():
    read = read_column(AMOUNT, ["#REF!", "1 500,5"])
    assert read.values[1] == Decimal("1500.50")
    assert list(read.wrong) == [0]


def test_what_was_read_is_told():
    assert read_column(AMOUNT, ["1 500,50"]).form == "decimal comma, thousands space"
    assert read_column(AMOUNT, ["1500.5", "3"]).form == "decimal point"
    assert read_column(AMOUNT, ["1'500"]).form == "thousands apostrophe"
    assert read_column(COUNT, ["3"]).form == "plain digits"
    assert read_column(AMOUNT, ["1,500"]).form == "undecided"


KOPECKS = st.integers(-(10**14), 10**14)
THOUSANDS = st.sampled_from(["", " ", "\u00a0", "\u202f", ",", ".", "'", "’"])


def written(kopecks, decimal, thousands, fixed):
    roubles, rest = divmod(abs(kopecks), 100)
    whole = f"{roubles:,}".replace(",", thousands)
    text = f"{whole}{decimal}{rest:02}" if rest or fixed else whole
    if rest and rest % 10 == 0 and not fixed:
        text = text[:-1]
    return f"{'-' if kopecks < 0 else ''}{text}"


@given(
    st.lists(st.one_of(KOPECKS, st.integers(-999_999, 999_999), KOPECKS.map(lambda n: n // 100 * 100)), min_size=1),
    st.sampled_from([".", ","]),
    THOUSANDS,
    st.booleans(),
    st.sampled_from(["", " ₽", " руб.", "\u00a0RUB"]),
)
def test_an_amount_is_read_as_it_was_written_or_refused_with_both_readings(sums, decimal, thousands, fixed, suffix):
    if decimal == thousands:
        thousands = ""
    cells = [written(kopecks, decimal, thousands, fixed) + suffix for kopecks in sums]
    read = read_column(AMOUNT, cells)
    truth = [Decimal(kopecks) / 100 for kopecks in sums]
    if read.wrong:
        assert not fixed, "two decimals everywhere leave nothing open"
        ((position, sentence),) = read.wrong.items()
        whole = f"{truth[position]:f}"
        assert f" {whole} " in sentence or f" {whole}," in sentence, "the true reading is not among those named"
        assert " or " in sentence
        said = read_column(AMOUNT, cells, decimal)
        assert not said.wrong
        assert said.values == truth, "the operator's word does not give what was written"
    else:
        assert read.values == truth


@given(st.lists(st.integers(0, 10**14), min_size=1), THOUSANDS, st.sampled_from(["", ".0", ",0", ",00"]))
def test_a_count_is_read_as_it_was_written_or_refused(counts, thousands, tail):
    if tail[:1] == thousands:
        tail = ""
    read = read_column(COUNT, [f"{count:,}".replace(",", thousands) + tail for count in counts])
    assert read.wrong or read.values == counts


@given(st.lists(st.integers(1, 10**19 - 1), min_size=1))
def test_every_id_of_19_digits_is_read(ids):
    assert read_column(ID, list(map(str, ids))).values == ids
