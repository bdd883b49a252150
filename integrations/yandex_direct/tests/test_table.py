"""The table of a report: tabs, no quotes, a line with the number of rows."""

from __future__ import annotations

import pytest
from yandex_direct.reports.table import read_table

FIELDS = ("Date", "CampaignId", "Cost")


def body(*lines: str, heads: str = "Date\tCampaignId\tCost", total: str | None = "Total rows: {}") -> bytes:
    """A report of these rows."""
    last = [] if total is None else [total.format(len(lines))]
    return "".join(f"{line}\n" for line in (heads, *lines, *last)).encode()


def cells(table) -> list[tuple[str, ...]]:
    return [table.cells(line) for _, line in table.rows]


def test_columns_are_found_by_name() -> None:
    table = read_table(body("9.50\tx\t2026-01-01\t7", heads="Cost\tNew\tDate\tCampaignId"), FIELDS)
    assert cells(table) == [("2026-01-01", "7", "9.50")]
    assert (table.stated, table.count, table.broken) == (1, 1, [])


@pytest.mark.parametrize("total", ["Total rows: {}", "Всего строк: {}", "Toplam satır: {}", "Total rows: {}\t\t"])
def test_the_number_of_rows_is_read_in_any_language(total: str) -> None:
    table = read_table(body("2026-01-01\t7\t9.50", total=total), FIELDS)
    assert (table.stated, len(table.rows)) == (1, 1)


def test_quotes_are_letters() -> None:
    rows = ['2026-01-01\t7\t1\tШоу "Ёлка', '2026-01-02\t7\t2\t"', "2026-01-03\t7\t3\t'a\u2028b\x85c'"]
    table = read_table(body(*rows, heads="Date\tCampaignId\tCost\tName"), (*FIELDS, "Name"))
    assert [row[3] for row in cells(table)] == ['Шоу "Ёлка', '"', "'a\u2028b\x85c'"]


@pytest.mark.parametrize("line", ["2026-01-01\t7", "2026-01-01\t7\t9.50\tmore", "", "\t\t\t"])
def test_a_row_of_another_number_of_cells_is_broken_and_it_alone(line: str) -> None:
    table = read_table(body("2026-01-01\t6\t1", line, "2026-01-02\t8\t2"), FIELDS)
    assert cells(table) == [("2026-01-01", "6", "1"), ("2026-01-02", "8", "2")]
    assert table.broken == [(3, line.count("\t") + 1)]
    assert table.count == 3


def test_a_tab_and_a_new_line_in_a_name_at_the_end_are_a_part_of_it() -> None:
    text = "Date\tCampaignId\tName\n2026-01-01\t7\ta\tb\nc\n2026-01-02\t7\td\nTotal rows: 2\n"
    table = read_table(text.encode(), ("Date", "CampaignId", "Name"), text_last=True)
    assert cells(table) == [("2026-01-01", "7", "a\tb c"), ("2026-01-02", "7", "d")]
    assert table.broken == []


@pytest.mark.parametrize("keep", range(1, 110))
def test_a_table_that_was_cut_is_refused_wherever_it_was_cut(keep: int) -> None:
    whole = body("2026-01-01\t7\t9.50", "2026-01-02\t7\t9.50", "2026-01-03\t7\t9.50")
    if keep >= len(whole) - 1:
        assert len(read_table(whole[:keep], FIELDS).rows) == 3
        return
    try:
        table = read_table(whole[:keep], FIELDS)
    except ValueError:
        return
    # the headings alone, which the client does not believe at once
    assert table.rows == table.broken == [] and table.stated is None


def test_fewer_rows_than_the_last_line_says_are_half_a_table() -> None:
    with pytest.raises(ValueError, match="1 of its 3 rows"):
        read_table(body("2026-01-01\t7\t9.50", total="Total rows: 3"), FIELDS)


@pytest.mark.parametrize("total", [None, "Total rows: 0"])
def test_no_rows_are_a_table_too(total: str | None) -> None:
    table = read_table(body(total=total), FIELDS)
    assert (table.rows, table.stated) == ([], None if total is None else 0)


def test_a_mark_and_windows_lines_are_passed_over() -> None:
    text = "\ufeffDate\tCampaignId\tCost\r\n2026-01-01\t7\t9.50\r\nTotal rows: 1\r\n"
    assert cells(read_table(text.encode(), FIELDS)) == [("2026-01-01", "7", "9.50")]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\n",
        b"{}",
        b"<html></html>",
        b"title\nDate\tCampaignId\tCost\n",
        b"Date\tCost\n2026-01-01\t1\nTotal rows: 1\n",
    ],
)
def test_what_lacks_a_column_is_no_report(sent: bytes) -> None:
    with pytest.raises(ValueError, match="no column"):
        read_table(sent, FIELDS)


def test_a_byte_that_is_no_text_costs_no_row() -> None:
    sent = b"Date\tCampaignId\tCost\tName\n2026-01-01\t7\t9.50\ta\xff\nTotal rows: 1\n"
    assert cells(read_table(sent, (*FIELDS, "Name"))) == [("2026-01-01", "7", "9.50", "a\ufffd")]
