"""CSV exports of sheets: what is read, what is refused, and what lands in the warehouse."""

import json
from datetime import date
from decimal import Decimal

import pytest
from qtickets_api.brought.sheets import read_sheets
from qtickets_api.brought.sheets_import import import_sheets
from qtickets_api.brought.tables.reader import refuse_errors
from zakaz_common.errors import DataError

EVENTS = (
    "event_id,name,event_date,city,place_name\n900001,Концерт,2026-12-01,Орёл,Клуб\n900002,Лекция,02.12.2026,СПб,\n"
)
INVENTORY = "event_id,event_date,tickets_total,tickets_available\n900001,2026-12-01,300,120\n"
SALES = (
    "date,event_id,currency,tickets_sold,revenue,refunded_amount\n"
    "2026-11-01,900001,RUB,3,4500.50,0\n2026-11-02,900001,RUB,1,1500,500\n2026-11-02,900002,RUB,2,900,0\n"
)


@pytest.fixture
def directory(tmp_path):
    def write(**files):
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (tmp_path / f"{name}.csv").write_bytes(data)
        return tmp_path

    return write


def sales_rows(directory, text):
    (sheet,) = read_sheets(directory(sales=text))
    refuse_errors([sheet])
    return [values for _, values in sheet.rows]


def refusal(directory, **files):
    with pytest.raises(DataError) as caught:
        refuse_errors(read_sheets(directory(**files)))
    return str(caught.value)


@pytest.mark.parametrize(
    ("cell", "amount"),
    [("4500.50", "4500.50"), ('"4 500,50"', "4500.50"), ('"4\u00a0500,5 ₽"', "4500.50"),
     ('"1,234.56"', "1234.56"), ("-12.30", "-12.30"), ("0", "0.00")],
)  # fmt: skip
def test_amounts_as_sheets_write_them(directory, cell, amount):
    (row,) = sales_rows(directory, f"d,event_id,tickets_sold,revenue\n2026-11-01,1,1,{cell}\n")
    assert row["revenue"] == Decimal(amount)
    assert row["currency"] == "RUB"


def test_russian_headings_semicolons_and_a_byte_order_mark(directory):
    text = (
        "\ufeffДата продажи;ID мероприятия;Продано;Выручка;Примечание\r\n05.11.2026;7;3;1 500,00;от Ивана\r\n;;;;\r\n"
    )
    (row,) = sales_rows(directory, text)
    assert row == {"d": date(2026, 11, 5), "event_id": 7, "currency": "RUB", "tickets_sold": 3,
                   "revenue": Decimal("1500.00"), "refunded_amount": Decimal(0)}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("yesterday,1,1,10", "sales.csv, row 3, column d: a day such as 2026-11-05 or 05.11.2026 was expected"),
        ("2026-11-02,one,1,10", "sales.csv, row 3, column event_id: a whole number of 0 or more was expected"),
        ("2026-11-02,0,1,10", "sales.csv, row 3, column event_id: an id of 1 or more was expected"),
        ("2026-11-02,1,-1,10", "sales.csv, row 3, column tickets_sold: a whole number"),
        ("2026-11-02,1,1,free", "sales.csv, row 3, column revenue: an amount such as 1234.56 was expected"),
        ("2026-11-02,1,1,1500.005", "sales.csv, row 3, column revenue: an amount with at most two decimals"),
        ("2026-11-02,1,1,", "sales.csv, row 3, column revenue: the cell is empty"),
        ("2026-11-02,1,1", "sales.csv, row 3: 3 cells were found, the headings are 4"),
        ("2026-11-02,1,1,1500,50", "sales.csv, row 3: 5 cells were found, the headings are 4: a decimal comma"),
        ("2026-11-01,1,5,20", "sales.csv, row 3: repeats row 2 (same d, event_id, currency)"),
        ('2026-11-02,1,1,"10', "sales.csv, row 3: the quotes do not match"),
    ],
)
def test_an_error_is_named_by_file_row_and_column(directory, line, message):
    text = f"d,event_id,tickets_sold,revenue\n2026-11-01,1,1,10\n{line}\n"
    assert message in refusal(directory, sales=text)


def test_all_errors_of_all_files_are_told_at_once(directory):
    message = refusal(
        directory, sales="d,event_id,tickets_sold\n", events="event_id,name,city\nx,,Тула\n", inventory=INVENTORY
    )
    for part in ("sales.csv, row 1: the column revenue is missing", "events.csv, row 2, column event_id",
                 "events.csv, row 2, column name: the cell is empty", "nothing was imported"):  # fmt: skip
        assert part in message


def test_many_errors_are_counted_not_listed(directory):
    rows = "".join(f"2026-11-01,x{n},1,1\n" for n in range(40))
    assert "; and 30 more" in refusal(directory, sales="d,event_id,tickets_sold,revenue\n" + rows)


def test_a_message_shows_no_cell(directory):
    message = refusal(directory, sales="d,event_id,tickets_sold,revenue\n2026-11-01,buyer@example.com,1,1\n")
    assert "buyer" not in message


def test_a_column_twice_is_refused(directory):
    text = "d,event_id,tickets_sold,revenue,выручка\n"
    assert "row 1: two columns are headed" in refusal(directory, sales=text)


def test_a_blank_in_an_optional_part_of_the_key_makes_no_total(directory):
    (row,) = sales_rows(directory, "d,event_id,currency,tickets_sold,revenue,note\n2026-11-01,1,,1,10,Итого по акции\n")
    assert row["currency"] == "RUB"


def test_an_export_in_cp1251_is_read(directory):
    (events,) = read_sheets(directory(events=EVENTS.encode("cp1251")))
    assert (events.encoding, events.rows[0][1]["city"]) == ("CP1251", "Орёл")


def test_a_directory_without_sheets_or_none_at_all(tmp_path):
    with pytest.raises(DataError, match=r"holds none of events.csv, inventory.csv, sales.csv"):
        read_sheets(tmp_path)
    with pytest.raises(DataError, match=r"is no directory"):
        read_sheets(tmp_path / "absent")


def run_import(loader, directory):
    return loader.run(lambda context: import_sheets(context, directory), mode="import")


def test_an_import_reaches_the_views_and_a_second_one_writes_nothing(loader, directory):
    files = directory(events=EVENTS, inventory=INVENTORY, sales=SALES)
    assert run_import(loader, files) == 0
    assert loader.last_run("status", "mode", "rows_read") == ("success", "import", 6)
    shown = loader.rows("SELECT d, city, event_id, tickets_sold, revenue, currency FROM bi.v_sales_daily ORDER BY ALL")
    assert shown == [
        (date(2026, 11, 1), "орел", 900001, 3, Decimal("4500.50"), "RUB"),
        (date(2026, 11, 2), "орел", 900001, 1, Decimal("1500.00"), "RUB"),
        (date(2026, 11, 2), "санкт-петербург", 900002, 2, Decimal("900.00"), "RUB"),
    ]
    places = "SELECT event_id, tickets_total, tickets_available, tickets_sold"
    assert loader.rows(f"{places} FROM zakaz.fact_qtickets_inventory_latest FINAL") == [(900001, 300, 120, 180)]
    assert run_import(loader, files) == 0
    assert loader.last_run("rows_written") == (0,)


def test_a_later_export_replaces_the_earlier_one(loader, directory):
    run_import(loader, directory(events=EVENTS, sales=SALES))
    changed = "\n".join(SALES.splitlines()[:2]).replace("4500.50", "4000") + "\n"
    assert run_import(loader, directory(sales=changed)) == 0
    assert loader.rows("SELECT d, revenue FROM bi.v_sales_daily") == [(date(2026, 11, 1), Decimal("4000.00"))]
    assert loader.one("SELECT count() FROM zakaz.stg_qtickets_sheets_raw FINAL WHERE sheet = 'sales'") == 1


def test_an_export_with_an_error_changes_nothing(loader, directory, capsys):
    run_import(loader, directory(events=EVENTS, sales=SALES))
    before = loader.rows("SELECT * EXCEPT (_loaded_at) FROM bi.v_sales_daily ORDER BY ALL")
    assert run_import(loader, directory(events=EVENTS, sales=SALES.replace("1500", "x"))) == 65
    assert "row 3, column revenue" in json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    assert loader.rows("SELECT * EXCEPT (_loaded_at) FROM bi.v_sales_daily ORDER BY ALL") == before


def test_a_sheet_never_overrules_the_api(loader, api, directory):
    known = next(iter(api.season.events))
    sales = f"d,event_id,tickets_sold,revenue\n2020-01-01,{known},1000,1000000\n"
    events = f"event_id,name,city\n{known},Другое имя,Тула\n"
    assert loader.run() == 0
    assert run_import(loader, directory(events=events, sales=sales)) == 0
    loader.assert_equal_to(api.season)
    assert (
        loader.one(f"SELECT count() FROM zakaz.dim_events FINAL WHERE name = 'Другое имя' AND event_id = {known}") == 0
    )


@pytest.mark.patient
def test_sales_of_a_sheet_are_no_difference_of_the_mart(loader, directory):
    yesterday = loader.one("SELECT toDate(now('Europe/Moscow')) - 1")
    sales = f"d,event_id,tickets_sold,revenue\n{yesterday},900001,3,4500.50\n"
    assert run_import(loader, directory(events=EVENTS, sales=sales)) == 0
    assert loader.rows("SELECT check_name, actual, is_ok FROM meta.v_quality_last_day") == [
        ("sales_revenue", Decimal("4500.50"), 1)
    ]


@pytest.mark.patient
def test_an_import_neither_hides_nor_makes_a_failure_of_the_scheduled_runs(loader, api, directory):
    freshness = "SELECT last_status, last_rows_written > 0 FROM bi.v_ops_freshness"
    assert loader.run() == 0
    assert run_import(loader, directory(sales="d,event_id\n")) == 65
    assert loader.rows(freshness) == [("success", 1)]
    api.inject("status", route="*/events", times=0, status=403)
    assert loader.run() == 78
    assert run_import(loader, directory(events=EVENTS, sales=SALES)) == 0
    assert loader.rows(freshness) == [("failed", 0)]


@pytest.mark.patient
def test_an_export_without_rows_removes_nothing(loader, directory):
    assert run_import(loader, directory(events=EVENTS, sales=SALES)) == 0
    before = loader.rows("SELECT * FROM zakaz.stg_qtickets_sheets_sales FINAL ORDER BY ALL")
    assert run_import(loader, directory(sales=SALES.splitlines()[0] + "\n")) == 65
    assert loader.last_run("error")[0].startswith("nothing was imported: sales.csv has headings and no row")
    assert loader.rows("SELECT * FROM zakaz.stg_qtickets_sheets_sales FINAL ORDER BY ALL") == before
