"""Files of tables: encodings, delimiters, where the headings are, which rows are records, and how all that is told."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtickets_api.brought.tables.columns import Column
from qtickets_api.brought.tables.encoding import EncodingError, decode
from qtickets_api.brought.tables.explanation import explain
from qtickets_api.brought.tables.reader import Table, read_table

SALES = Table(
    "sales",
    (
        Column("d", ("дата", "date"), "day"),
        Column("event_id", ("id", "id мероприятия"), "id"),
        Column("name", ("название", "name"), "text", required=False, default=""),
        Column("revenue", ("выручка", "revenue"), "amount"),
        Column("refunded", ("возвраты",), "amount", required=False, default=Decimal(0)),
    ),
    ("d", "event_id"),
)


@pytest.fixture
def read(tmp_path):
    def write(content, table=SALES, decimal=""):
        path = tmp_path / "sales.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(table, path, decimal)

    return write


def values(file, column="revenue"):
    assert not file.errors, file.errors
    return [str(row[column]) for _, row in file.rows]


BODY = "Дата,ID мероприятия,Название,Выручка\n05.11.2026,7,Ёлка в «Крокусе» — №1,1500.50\n06.11.2026,8,Лекция,20\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (BODY.encode(), "UTF-8"),
        (BODY.encode("utf-8-sig"), "UTF-8 with BOM"),
        (BODY.encode("cp1251"), "CP1251"),
        (b"\xff\xfe" + BODY.encode("utf-16-le"), "UTF-16 LE"),
        (b"\xfe\xff" + BODY.encode("utf-16-be"), "UTF-16 BE"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_delimiters_and_line_ends(read, data, encoding, delimiter, end):
    for old, new in ((",", delimiter), ("\n", end)):
        codec = {"CP1251": "cp1251", "UTF-16 LE": "utf-16-le", "UTF-16 BE": "utf-16-be"}.get(encoding, "utf-8")
        data = data.replace(old.encode(codec), new.encode(codec))
    file = read(data)
    assert values(file) == ["1500.50", "20.00"]
    assert file.rows[0][1]["name"] == "Ёлка в «Крокусе» — №1"
    name = {",": "comma", ";": "semicolon", "\t": "tab"}[delimiter]
    assert next(explain([file])) == f"sales.csv: {encoding}, delimiter {name}, headings in row 1, 2 rows of data"


RUSSIAN = ["Концерт в Москве", "КОНЦЕРТ", "лекция о яблоках", "Ярославль", "Орёл, Тула", "руб."]


@pytest.mark.parametrize("codec", ["koi8-r", "cp866", "mac-cyrillic"])
@pytest.mark.parametrize(
    "text",
    ["Концерт в Москве", "Ярославль; Тула", "Самара", "Уфа", "ТУЛА И ВОРОНЕЖ", "Дата;Выручка", "неделя"],
)
def test_other_cyrillic_encodings_are_never_taken_for_cp1251(codec, text):
    with pytest.raises(EncodingError, match="neither UTF-8 nor Russian text in CP1251; save it as CSV UTF-8"):
        decode(text.encode(codec))


@pytest.mark.parametrize(
    "text",
    [
        *RUSSIAN,
        "МегаФон Live",
        "ООО «Рога и копыта»",
        "1\u00a0500",
        "5 руб.",
        "Д’Артаньян",
        "„Лапки“",
        "Чита",
        "ТУЛА",
        "Бийск",
    ],
)
def test_cp1251_is_what_excel_writes(text):
    assert decode(text.encode("cp1251")) == (text, "CP1251")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Café Ünïque".encode("cp1252"), "neither UTF-8"),
        ("Zoë".encode("cp1252"), "neither UTF-8"),
        ("Пермь".encode("koi8-r"), "neither UTF-8"),
        ("омск".encode("koi8-r"), "neither UTF-8"),
        (b"\x98\xff\xfe", "neither UTF-8"),
        ("Москва и Санкт-Петербург\n".encode("utf-16-be"), "looks like UTF-16 without a byte order mark"),
        ("Москва\nТула".encode("utf-16-le"), "looks like UTF-16 without a byte order mark"),
        ("date,id".encode("utf-16-le"), "looks like UTF-16 without a byte order mark"),
        ("date".encode("utf-32"), "is UTF-32"),
        (b"\xef\xbb\xbf\xff", "says UTF-8 with BOM and is not"),
        (b"\xff\xfed", "says UTF-16 LE and is not"),
        ("Москва".encode().decode("cp1251", "replace").encode(), "made UTF-8 twice"),
        ("city\nОрёл".encode().decode("latin-1").encode(), "made UTF-8 twice"),
        ("city\nÐ\u009eÑ€Ñ‘Ð»".encode(), "made UTF-8 twice"),
    ],
)
def test_what_would_be_garbled_is_refused(data, message):
    with pytest.raises(EncodingError, match=message):
        decode(data)


def test_a_refused_encoding_names_the_file(read):
    (error,) = read("Дата,ID,Выручка\n".encode("koi8-r")).errors
    assert error == "sales.csv is neither UTF-8 nor Russian text in CP1251; save it as CSV UTF-8"


def test_excel_may_name_the_delimiter(read):
    file = read("sep=;\r\nДата;ID;Выручка\r\n05.11.2026;7;1 500,50\r\n")
    assert values(file) == ["1500.50"]
    assert file.rows[0][0] == 3
    assert file.left_out == {"names the delimiter": 1}


def test_titles_totals_repeated_headings_and_empty_rows_are_left_out_and_counted(read):
    file = read(
        "Продажи по дням,,,\n,,,\nДата,ID,Название,\"Выручка, руб.\"\n05.11.2026,7,Концерт,10.50\n"
        "Дата,ID,Название,\"Выручка, руб.\"\n06.11.2026,8,Всего хорошего,20\n,,Итого за ноябрь,30.50\n"
        "ИТОГО:,,,30.50\nTotal,2,,30.50\n,,,\n\n,,,\n"
    )  # fmt: skip
    assert values(file) == ["10.50", "20.00"]
    assert [number for number, _ in file.rows] == [4, 6]
    assert file.left_out == {"above the headings": 1, "the headings again": 1, "a total": 3, "empty": 3}
    said = "\n".join(explain([file]))
    assert "left out, a total: 3 rows (7, 8, 9)" in said
    assert "left out, above the headings: 1 row (1)" in said


def test_a_row_with_its_key_is_a_record_whatever_it_is_called(read):
    assert values(read("Дата,ID,Название,Выручка\n05.11.2026,7,Итого,10\n")) == ["10.00"]


PLAN = Table(
    "plan",
    (
        Column("month", ("месяц",), "month"),
        Column("city", ("город",), "text"),
        Column("revenue", ("выручка",), "amount"),
    ),
    ("month", "city"),
)


@pytest.mark.parametrize(
    "cell",
    ["Итого", "ВСЕГО:", "Итого, руб.", "Итого (руб.)", "Итого Орёл", "Итого -", "Всего городов: 2", "Орёл Итог",
     "Орёл Всего", "Oryol Total", "Промежуточный итог", "Итого по г. Орёл"],
)  # fmt: skip
def test_a_total_in_the_place_of_a_city_is_no_city(read, cell):
    """Beside its cities it would double the plan of the month."""
    file = read(f"Месяц;Город;Выручка\n11.2026;Орёл;10\n11.2026;{cell};10\n", PLAN)
    assert values(file) == ["10.00"]
    assert file.left_out == {"a total": 1}


@pytest.mark.parametrize("row", ["ноябрь 2026 Итог;;10", ";Орёл Итог;10"])
def test_subtotals_of_excel_are_left_out(read, row):
    assert values(read(f"Месяц;Город;Выручка\n11.2026;Орёл;10\n{row}\n", PLAN)) == ["10.00"]


def test_subtotals_of_a_table_of_counts_are_left_out(read):
    seats = Table("seats", (Column("d", ("дата",), "day"), Column("free", ("свободно",), "count")), ("d",))
    assert values(read("Дата;Свободно\n05.11.2026;7\n05.11.2026 Итог;7\n", seats), "free") == ["7"]


@pytest.mark.parametrize("city", ["Всеволожск", "Итоговск", "total-sale", "Тотальск"])
def test_names_that_only_begin_like_a_total_are_names(read, city):
    file = read(f"Месяц;Город;Выручка\n11.2026;Орёл;10\n11.2026;{city};20\n", PLAN)
    assert values(file) == ["10.00", "20.00"]


def test_a_blank_in_an_optional_column_makes_no_total(read):
    assert values(read("Дата,ID,Название,Выручка,Возвраты\n05.11.2026,7,Total Recall,10,\n")) == ["10.00"]


def test_the_first_headings_that_suffice_are_the_headings(read):
    """A second table below, with more columns, must not make the first one a title."""
    file = read("Дата,ID,Выручка\n05.11.2026,7,10\nДата,ID,Выручка,Возвраты\n06.11.2026,7,10,2\n")
    assert file.layout.heading_row == 1
    assert "row 4: 4 cells were found" in file.errors[0]


def test_a_heading_twice_is_refused(read):
    assert read("Дата,ID,Выручка,Revenue\n").errors == ["sales.csv, row 1: two columns are headed Выручка or alike"]


def test_rows_that_are_wrong_are_not_said_to_repeat(read):
    file = read("Дата,ID,Выручка\n05.11.2026,x,1\n05.11.2026,x,2\n")
    assert [error.partition(":")[0] for error in file.errors] == [f"sales.csv, row {n}, column ID" for n in (2, 3)]


def test_headings_merged_over_two_rows(read):
    file = read("Дата,ID,Деньги,\n,,Выручка,Возвраты\n05.11.2026,7,10,2\n")
    assert values(file) == ["10.00"]
    assert values(file, "refunded") == ["2.00"]


def test_headings_below_a_row_of_groups(read):
    assert values(read("Когда,,Деньги\nДата,ID,Выручка\n05.11.2026,7,10\n")) == ["10.00"]


def test_columns_nobody_asked_for_may_stand_anywhere(read):
    file = read("№,Дата,Примечание,ID,Выручка,,\n1,05.11.2026,от Ивана,7,10,,\n")
    assert values(file) == ["10.00"]
    assert "Иван" not in str(file.rows) + "".join(explain([file]))


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("05.11.2026,7,1500,50", "row 2: 4 cells were found, the headings are 3: a decimal comma or a comma within"),
        ("05.11.2026,7", "row 2: 2 cells were found, the headings are 3: which are missing cannot be told"),
        ("05.11.2026,7,1500,,,x", "row 2: 6 cells were found, the headings are 3"),
    ],
)
def test_a_row_that_does_not_fit_its_headings_is_named(read, row, found):
    assert f"sales.csv, {found}" in read(f"Дата,ID,Выручка\n{row}\n").errors[0]


def test_an_unquoted_decimal_comma_is_found_beside_empty_columns(read):
    assert "row 2: 5 cells were found" in read("Дата,ID,Выручка,,\n05.11.2026,7,1500,50,\n").errors[0]


def test_extra_cells_that_are_empty_do_no_harm(read):
    assert values(read("Дата,ID,Выручка\n05.11.2026,7,1500.50,,\u00a0,\n")) == ["1500.50"]


def test_decimal_commas_in_every_kind_of_file(read):
    assert values(read('Дата,ID,Выручка\n05.11.2026,7,"1500,50"\n')) == ["1500.50"]
    assert values(read("Дата;ID;Выручка\n05.11.2026;7;1500,50\n")) == ["1500.50"]
    assert values(read('Дата;ID;Выручка\n05.11.2026;7;"1500,50"\n')) == ["1500.50"]
    assert values(read("Дата\tID\tВыручка\n05.11.2026\t7\t1500,50\n")) == ["1500.50"]
    assert values(read('"Дата, день"\tДата\tID\tВыручка\nx\t05.11.2026\t7\t"1500,50"\n')) == ["1500.50"]


def test_the_operators_decimal_sign_reaches_the_columns(read):
    text = 'Дата,ID,Выручка\n05.11.2026,7,"1,500"\n'
    assert "1,500 is 1.50 or 1500" in read(text).errors[0]
    assert values(read(text, decimal=",")) == ["1.50"]
    assert values(read(text, decimal=".")) == ["1500.00"]


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\u202e", "\u2066", "\u200f", "\x85", "\ud83d"])
def test_a_character_that_shows_nothing_is_replaced_and_counted(read, character):
    text = f"Дата,ID,Название,Выручка\n05.11.2026,7,Кон{character}церт 🎸,10\n"
    data = text.encode("utf-16-le", "surrogatepass") if character == "\ud83d" else text.encode("utf-16-le")
    file = read(b"\xff\xfe" + data)
    assert values(file, "name") == ["Кон\ufffdцерт 🎸"]
    assert file.replaced == 1
    assert "1 control characters replaced" in "".join(explain([file]))


def test_a_name_of_64_kib_and_one_with_line_breaks(read):
    long = "ы" * 65_536
    file = read(f'Дата,ID,Название,Выручка\n05.11.2026,7,{long},1\n06.11.2026,7,"две\r\n строки",2\n')
    assert values(file, "name") == [long, "две строки"]
    assert [number for number, _ in file.rows] == [2, 3]
    assert max(map(len, explain([file]))) < 300


def test_a_quote_that_is_never_closed(read):
    (error,) = read('Дата,ID,Выручка\n05.11.2026,7,"10\n' + "06.11.2026,7,10\n" * 100_000).errors
    assert error.startswith("sales.csv, row 2: a cell of more than 1048576 characters, or a quote that is never closed")


def test_an_empty_file_lacks_its_columns(read):
    assert read("").errors == [
        'sales.csv, row 1: the column d is missing; its heading may be "дата" or "date"',
        'sales.csv, row 1: the column event_id is missing; its heading may be "id" or "id мероприятия"',
        'sales.csv, row 1: the column revenue is missing; its heading may be "выручка" or "revenue"',
    ]


def test_a_file_that_is_too_large(read, monkeypatch):
    monkeypatch.setattr("qtickets_api.brought.tables.reader.MAX_BYTES", 1 << 20)
    assert "larger" not in read(b"x" * (1 << 20)).errors[0]
    assert read(b"x" * (1 << 20 | 1)).errors == ["sales.csv: larger than 1 MiB"]


def test_what_every_column_was_read_as_is_told(read):
    file = read("Дата;ID;Выручка;Название\n05.11.2026;7;1 500,50;Концерт\n13.11.2026;8;;Лекция\n")
    assert list(explain([file])) == [
        "sales.csv: UTF-8, delimiter semicolon, headings in row 1, 2 rows of data",
        '  d: heading "Дата", day, day.month.year, 2 cells, first 2026-11-05, last 2026-11-13',
        '  event_id: heading "ID", id, plain digits, 2 cells, first 7, last 8',
        '  name: heading "Название", text, 2 cells, first "Концерт", last "Лекция"',
        '  revenue: heading "Выручка", amount, decimal comma, thousands space, 1 cell, first 1500.50, last 1500.50',
        "  refunded: no such heading; 0 everywhere",
        "  WRONG sales.csv, row 3, column Выручка: the cell is empty",
    ]


AMOUNTS = st.lists(st.decimals(0, 9_999_999, places=2), min_size=1, max_size=8)
THOUSANDS = st.sampled_from(["", " ", "\u00a0", "\u202f", ",", ".", "'"])
ENCODINGS = ["utf-8", "utf-8-sig", "cp1251", "utf-16"]


@given(
    AMOUNTS, st.sampled_from([".", ","]), THOUSANDS, st.booleans(), st.sampled_from([",", ";", "\t"]),
    st.sampled_from(ENCODINGS), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)  # fmt: skip
def test_a_file_is_read_as_it_was_written_or_refused(
    tmp_path_factory, truth, decimal, thousands, fixed, delimiter, encoding, quoting
):
    if thousands == decimal or (thousands == "\u202f" and encoding == "cp1251"):
        thousands = ""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting)
    writer.writerow(["Дата", "ID мероприятия", "Выручка"])
    for number, amount in enumerate(truth, start=1):
        text = f"{amount:,.2f}" if fixed or amount % 1 else f"{amount:,.0f}"
        text = text.translate({ord(","): thousands, ord("."): decimal})
        writer.writerow(["05.11.2026", number, text])
    path = tmp_path_factory.mktemp("written") / "sales.csv"
    path.write_bytes(out.getvalue().encode(encoding))
    file = read_table(SALES, path)
    if file.errors:
        assert not fixed
        assert " or " in file.errors[0]
        return
    assert [row["revenue"] for _, row in file.rows] == truth


@given(
    st.lists(st.sampled_from(RUSSIAN), min_size=1),
    st.sampled_from(["cp1251", "koi8-r", "cp866", "mac-cyrillic", "utf-8"]),
)  # fmt: skip
def test_no_encoding_garbles_a_name(names, encoding):
    text = "\n".join(names)
    try:
        found, _ = decode(text.encode(encoding))
    except EncodingError:
        assert encoding != "cp1251"
        return
    assert found == text
