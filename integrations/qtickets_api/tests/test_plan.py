"""The plan of sales that people bring: what is read, what is refused, what stands in the warehouse and the view."""

import json
from datetime import date
from decimal import Decimal

import pytest
from qtickets_api.brought.plan import import_plan

PLAN = (
    "Месяц;Город;Билеты;Выручка, руб.\nноябрь 2026;СПб;1 000;1 500 000,50\nноябрь 2026;Орёл;10;15000\n"
    "декабрь 2026;Орёл;20;30000\nИтого;;1 030;1 545 000,50\n"
)


@pytest.fixture
def plan(loader, tmp_path):
    def run(text, decimal=""):
        path = tmp_path / "plan.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return loader.run(lambda context: import_plan(context, path, decimal), mode="import")

    return run


def planned(loader):
    return loader.rows("SELECT month, city, tickets_plan, revenue_plan FROM zakaz.plan_sales FINAL ORDER BY ALL")


NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)
WHOLE = [
    (NOVEMBER, "орел", 10, Decimal("15000.00")),
    (NOVEMBER, "санкт-петербург", 1000, Decimal("1500000.50")),
    (DECEMBER, "орел", 20, Decimal("30000.00")),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
def test_a_plan_reaches_the_table_and_the_view_and_a_second_run_writes_nothing(loader, plan, encoding, capsys):
    assert plan(PLAN.encode(encoding)) == 0
    assert loader.last_run("status", "mode", "rows_read", "rows_written") == ("success", "import", 3, 3)
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["months"] == ["2026-11", "2026-12"]
    assert last["rows_left_out"] == {"plan.csv": {"a total": 1}}
    assert planned(loader) == WHOLE
    view = loader.rows("SELECT month, city, tickets_plan, revenue_plan FROM bi.v_plan_fact_monthly ORDER BY ALL")
    assert view == WHOLE
    assert plan(PLAN.encode(encoding)) == 0
    assert loader.last_run("rows_written") == (0,)


def test_a_later_plan_replaces_the_months_it_names_and_leaves_the_others(loader, plan):
    plan(PLAN)
    assert plan("month,city,tickets,revenue\n2026-11,Орёл,11,16000\n") == 0
    assert loader.last_run("rows_written") == (2,)
    assert planned(loader) == [(NOVEMBER, "орел", 11, Decimal("16000.00")), WHOLE[2]]
    assert plan(PLAN) == 0
    assert planned(loader) == WHOLE


def test_english_headings_and_every_way_to_write_a_month(loader, plan):
    months = ["2026-01", "02.2026", "март 2026", "01.04.2026", "01/05/2026", "Jun 2026", "2026-07-01"]
    rows = "".join(f"{month},Орёл,{number},1.50\n" for number, month in enumerate(months, start=1))
    assert plan(f"Month,City,Tickets,Revenue\n{rows}") == 0
    assert planned(loader) == [(date(2026, n, 1), "орел", n, Decimal("1.50")) for n in range(1, 8)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2026-11,Орёл,1,2,3", "plan.csv, row 3: 5 cells were found"),
        ("2026-13,Орёл,1,2", "plan.csv, row 3, column month: a month such as"),
        ("2026-12,Орёл,1.5,2", "plan.csv, row 3, column tickets: a whole number"),
        ('2026-12,Орёл,1,"1,500"', "plan.csv, row 3, column revenue: 1,500 is 1.50 or 1500"),
        ("2026-12,Орёл,1,-5", "plan.csv, row 3, column revenue: an amount of 0 or more was expected"),
        ("2026-12,,1,2", "plan.csv, row 3, column city: the cell is empty"),
        ("2026-11,Питер,1,2", "plan.csv, row 3: names the city and month of row 2 in another spelling"),
        ("2026-11,СПб,1,2", "plan.csv, row 3: repeats row 2"),
        ("2026-12,Орёл,=A1,2", "plan.csv, row 3, column tickets: a formula stands here"),
    ],
)
def test_a_plan_with_an_error_changes_nothing(loader, plan, row, message, capsys):
    plan(PLAN)
    assert plan(f"month,city,tickets,revenue\n2026-11,СПб,1,2\n{row}\n") == 65
    error = json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    assert error.startswith("nothing was imported: ")
    assert message in error
    assert planned(loader) == WHOLE


def test_a_plan_without_rows_removes_nothing(loader, plan, capsys):
    plan(PLAN)
    assert plan("month,city,tickets,revenue\n") == 65
    assert "has headings and no row" in capsys.readouterr().out
    assert planned(loader) == WHOLE


def test_the_operators_decimal_sign(loader, plan):
    assert plan('month,city,tickets,revenue\n2026-11,Орёл,1,"1,500"\n', decimal=".") == 0
    assert planned(loader) == [(NOVEMBER, "орел", 1, Decimal("1500.00"))]


def test_a_month_without_sales_may_be_planned(loader, plan):
    assert plan("month,city,tickets,revenue\n2026-11,Орёл,0,0\n") == 0
    assert planned(loader) == [(NOVEMBER, "орел", 0, Decimal("0.00"))]


def test_a_city_of_an_event_is_known(loader, plan, capsys):
    loader.client.command("INSERT INTO zakaz.dim_events (event_id, city, _ver) VALUES (1, 'китежград', 1)")
    assert plan("month,city,tickets,revenue\n2026-11,Китежград,1,2\n") == 0
    assert "city_unknown" not in capsys.readouterr().out


def test_a_row_from_the_future_is_replaced_all_the_same(loader, plan):
    loader.client.command(
        "INSERT INTO zakaz.plan_sales (month, city, tickets_plan, revenue_plan, _ver) "
        "VALUES ('2026-11-01', 'орел', 1, 1, 99999999999999)"
    )
    assert plan(PLAN) == 0
    assert planned(loader) == WHOLE


def test_a_city_that_nobody_knows_is_loaded_and_told(loader, plan, capsys):
    assert plan("month,city,tickets,revenue\n2026-11,Китежград,1,2\n2026-11,Орёл,1,2\n") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (told,) = [line for line in lines if line["event"] == "city_unknown"]
    assert told["cities"] == ["китежград"]
    assert lines[-1]["cities_unknown"] == 1
    assert len(planned(loader)) == 2
