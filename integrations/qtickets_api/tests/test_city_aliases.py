"""The operator's own spellings of cities: what is read, what is refused, and what follows from them in the views."""

import json
from datetime import date

import pytest
from qtickets_api.brought.city_aliases import import_city_aliases
from qtickets_api.brought.sheets_import import import_sheets
from zakaz_common.testing import warehouse_engine

EVENTS = "event_id,name,city\n900001,Концерт,Китежград\n900002,Лекция,СПб\n"
SALES = "d,event_id,tickets_sold,revenue\n2026-11-01,900001,1,10\n2026-11-01,900002,1,20\n"


@pytest.fixture
def aliases(loader, tmp_path):
    def run(text):
        path = tmp_path / "aliases.csv"
        path.write_text(text, encoding="utf-8")
        return loader.run(lambda context: import_city_aliases(context, path), mode="import")

    yield run
    # other tests leave the seed alone, and so must these
    loader.client.command("TRUNCATE TABLE zakaz.dim_city_alias")
    seed(loader)


def seed(loader):
    (statement,) = [s for s in warehouse_engine.schema_statements() if s.startswith("INSERT INTO zakaz.dim_city_alias")]
    loader.client.command(statement)


@pytest.fixture
def sheets(loader, tmp_path):
    (tmp_path / "events.csv").write_text(EVENTS, encoding="utf-8")
    (tmp_path / "sales.csv").write_text(SALES, encoding="utf-8")
    assert loader.run(lambda context: import_sheets(context, tmp_path), mode="import") == 0


def own(loader):
    return loader.rows(
        "SELECT alias, city, city_name FROM zakaz.dim_city_alias FINAL WHERE source = 'import' ORDER BY ALL"
    )


def refusal(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])["error"]


def test_aliases_reach_the_table_and_a_second_run_writes_nothing(loader, aliases):
    seeded = loader.one("SELECT count() FROM zakaz.dim_city_alias FINAL")
    text = "Написание;Город;Название города\nКитеж;Китежград;Китежград-на-Озере\nKitezh;Китежград;\n"
    assert aliases(text) == 0
    assert own(loader) == [("kitezh", "китежград", ""), ("китеж", "китежград", "Китежград-на-Озере")]
    assert loader.one("SELECT count() FROM zakaz.dim_city_alias FINAL WHERE source = 'seed'") == seeded
    assert loader.last_run("status", "mode", "rows_read", "rows_written") == ("success", "import", 2, 2)
    assert aliases(text) == 0
    assert loader.last_run("rows_written") == (0,)


def test_the_file_is_the_whole_list(loader, aliases):
    aliases("alias,city\nкитеж,китежград\nkitezh,китежград\n")
    assert aliases("alias,city\nkitezh,китежград\n") == 0
    assert own(loader) == [("kitezh", "китежград", "")]
    assert loader.last_run("rows_written") == (1,)
    assert aliases("alias,city\n") == 0
    assert own(loader) == []


def test_a_seeded_alias_is_taken_over_and_given_back(loader, aliases):
    assert aliases("alias,city\nnn,Нижний Новгород\nнн,Нижний Тагил\n") == 0
    assert loader.rows("SELECT city, source FROM zakaz.dim_city_alias FINAL WHERE alias = 'нн'") == [
        ("нижний тагил", "import")
    ]
    assert aliases("alias,city\nnn,Нижний Новгород\n") == 0
    seed(loader)
    assert loader.rows("SELECT city, source FROM zakaz.dim_city_alias FINAL WHERE alias = 'нн'") == [
        ("нижний новгород", "seed")
    ]


def test_a_city_may_be_given_by_any_spelling_of_it(loader, aliases):
    assert aliases("alias,city\nпитерка,СПб\nпитерок,питерка\n") == 0
    assert own(loader) == [("питерка", "санкт-петербург", ""), ("питерок", "санкт-петербург", "")]


def test_a_city_that_is_known_keeps_the_name_the_deployment_gives_it(loader, aliases):
    """A person's list may say so of every city; Орёл must not become Орел, nor Ростов-на-Дону Ростов-На-Дону."""
    names = "SELECT city, city_name FROM zakaz.v_cities WHERE alias IN ('орел', 'ростов-на-дону') ORDER BY city"
    assert aliases("alias,city\nОрёл,Орёл\nРостов-на-Дону,Ростов-на-Дону\nростов-папа,Ростов-на-Дону\n") == 0
    assert loader.rows(names) == [("орел", "Орёл"), ("ростов-на-дону", "Ростов-на-Дону")]
    assert own(loader) == [("ростов-папа", "ростов-на-дону", "")]


def test_a_city_that_nobody_knows_becomes_known_by_its_own_line(loader, aliases):
    assert aliases("alias,city\nОрск,Орск\n") == 0
    assert own(loader) == [("орск", "орск", "")]


def test_what_has_no_city_can_be_given_none(loader, aliases, capsys):
    assert aliases("alias,city\nunattributed,Тула\n") == 65
    assert "unattributed is what has no city" in refusal(capsys)
    assert aliases("alias,city\nонлайн,unattributed\n") == 0


def test_the_name_of_a_city_is_kept_as_written(loader, aliases):
    assert aliases("alias,city,city_name\nОрёл,Орёл,Орёл\n") == 0
    assert own(loader) == [("орел", "орел", "Орёл")]


def test_events_and_sales_follow_the_aliases(loader, sheets, aliases):
    view = "SELECT d, city, event_id FROM bi.v_sales_daily ORDER BY event_id"
    day = date(2026, 11, 1)
    assert loader.rows(view) == [(day, "китежград", 900001), (day, "санкт-петербург", 900002)]
    assert aliases("alias,city\nкитежград,Кострома\nспб,Пермь\n") == 0
    assert loader.rows(view) == [(day, "кострома", 900001), (day, "пермь", 900002)]
    assert loader.rows("SELECT city FROM zakaz.dm_sales_daily FINAL ORDER BY event_id") == [("кострома",), ("пермь",)]
    assert aliases("alias,city\n") == 0
    assert loader.rows(view)[0] == (day, "китежград", 900001)


def test_events_of_the_api_follow_the_aliases_and_the_next_load_agrees(loader, api, aliases):
    assert loader.run() == 0
    raw, before = loader.rows("SELECT city_raw, city FROM zakaz.stg_qtickets_events FINAL ORDER BY event_id LIMIT 1")[0]
    others = loader.rows(
        f"SELECT alias FROM zakaz.dim_city_alias FINAL WHERE city = '{before}' AND alias != '{before}'"
    )
    rows = "".join(f"{alias},Китежград\n" for (alias,) in others)
    assert aliases(f"alias,city\n{before},Китежград\n{raw},Китежград\n{rows}") == 0
    moved = f"SELECT DISTINCT city FROM zakaz.stg_qtickets_events FINAL WHERE city_raw = '{raw}'"
    assert loader.rows(moved) == [("китежград",)]
    assert loader.one(f"SELECT count() FROM zakaz.dim_events FINAL WHERE city = '{before}'") == 0
    assert loader.run() == 0
    assert loader.rows(moved) == [("китежград",)]


def test_an_event_without_a_city_stays_without(loader, aliases):
    loader.client.command(
        "INSERT INTO zakaz.stg_qtickets_events (event_id, city_raw, city, _ver) VALUES (5, '', 'unattributed', 1)"
    )
    assert aliases("alias,city\n") == 0
    assert loader.one("SELECT city FROM zakaz.stg_qtickets_events FINAL") == "unattributed"


def test_an_alias_that_begins_like_a_total_is_an_alias(loader, aliases):
    assert aliases("alias,city\nВсего хорошего,Тула\nИтого,\n") == 0
    assert own(loader) == [("всего хорошего", "тула", "")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("а,б\nб,а", "aliases.csv, row 2: the aliases lead in a circle"),
        ("Китеж,Тула\nкитеж ,Орёл", "row 3: is the spelling of row 2, with another city or name"),
        ("китеж,тула\nкитеж,тула", "row 3: repeats row 2"),
        ("орел,Тула", "row 2: 2 other spellings lead to this alias as to a city; name them in the file too, beginning "
         "with orel"),
        ("китеж,", "row 2, column city: the cell is empty"),
        ("=A1,Тула", "row 2, column alias: a formula"),
        ("китеж,Тула,лишнее", "row 2: 3 cells were found"),
    ],
)  # fmt: skip
def test_aliases_with_an_error_change_nothing(loader, aliases, rows, message, capsys):
    aliases("alias,city\nстарый,Тула\n")
    assert aliases(f"alias,city\n{rows}\n") == 65
    assert message in refusal(capsys)
    assert own(loader) == [("старый", "тула", "")]


def test_a_city_with_two_names_is_refused(loader, aliases, capsys):
    assert aliases("alias,city,city_name\nкитеж,Китежград,Китеж\nkitezh,Китежград,Китежград\n") == 65
    assert "row 3: names the city otherwise than row 2" in refusal(capsys)
