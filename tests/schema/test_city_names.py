"""City names and events as people write them, in every bi view, on every engine."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from filter.near_cities import near_cities
from zakaz_clickhouse.literals import quote
from zakaz_schema.converge import Options, converge
from zakaz_schema.statements import Statement

from tests.schema.advertising import SOURCE
from tests.schema.engines import REPOSITORY, Engine

pytestmark = pytest.mark.patient

# key → spellings of events in the source
SPELLINGS = {
    "орел": ["ОРЕЛ", "ОРЕЛ", "ОРЕЛ", "орел", "Орёл", "Орел"],  # the capitals are more, and the tie is for ё
    "санкт-петербург": ["СПб", "СПб", "Питер"],  # aliases only: not how the city is written
    "нижний новгород": ["Нижний  Новгород", "НИЖНИЙ НОВГОРОД", "Нижний\u00a0Новгород ", "Нижний новгород"],
    "казань": ["Kазань", "казань"],  # a Latin K folds to the key, and is no spelling of it
    "урюпинск": ["УРЮПИНСК"],  # not in the seed
    "томск": ["Томскъ"],
    "йошкар-ола": ["Йошкар-ола"],  # as the source writes it, though the seed writes it otherwise
    "unattributed": [""],
}
NAMES = {
    "орел": "Орёл",
    "санкт-петербург": "Санкт-Петербург",
    "нижний новгород": "Нижний Новгород",
    "казань": "Казань",
    "урюпинск": "Урюпинск",
    "томск": "Томск",
    "йошкар-ола": "Йошкар-ола",
    "unattributed": "Без города",
    "новый уренгой": "Новый Уренгой",  # only advertising knows it
    "екатеринбург": "Екатеринбург",  # only the seed names it
    "ростов-на-дону": "Ростов-папа",  # the operator's own
    "тула": "Тула",
}


@pytest.fixture
def loaded(engine: Engine, schema: list[Statement]) -> Engine:
    converge(schema, engine, engine.replay, Options())
    number = 0
    for city, spellings in SPELLINGS.items():
        for spelling in spellings:
            number += 1
            # Google Sheets name events too
            table = "stg_qtickets_sheets_events" if number % 2 else "stg_qtickets_events"
            engine.execute(
                f"INSERT INTO zakaz.{table} (event_id, city_raw, city, _ver) "
                f"VALUES ({number}, {quote(spelling)}, {quote(city)}, 2)"
            )
    engine.execute(
        "INSERT INTO zakaz.stg_qtickets_events (event_id, city_raw, city, _ver, _is_deleted) VALUES "
        "(900, 'ТУла', 'тула', 1, 1), (901, 'ТулА', 'тула', 1, 0), (901, 'Тула', 'тула', 2, 0)"
    )
    engine.execute(
        "INSERT INTO zakaz.dim_city_alias (alias, city, city_name, source, _ver) VALUES "
        "('ростов', 'ростов-на-дону', 'Ростов', 'import', 9000000000001), "
        "('ростов-на-дону', 'ростов-на-дону', 'Ростов-папа', 'import', 9000000000000)"
    )
    for number, city in enumerate(NAMES, 1):
        key = quote(city)
        engine.execute(
            "INSERT INTO zakaz.dim_events (event_id, name, city, place_name, first_show_at, last_show_at, _ver) VALUES "
            f"({number}, 'Концерт {number}', {key}, 'Зал {number}', '2026-01-20 19:00:00', '2026-02-20 19:00:00', 1)"
        )
        engine.execute(
            "INSERT INTO zakaz.dm_sales_daily (d, event_id, currency, city, tickets_sold, revenue, _ver) "
            f"VALUES ('2026-01-15', {number}, 'RUB', '', 1, 100, 1)"
        )
        engine.execute(
            "INSERT INTO zakaz.dm_ads_daily (d, source, account, ad_id, city, spend, currency, _ver) "
            f"VALUES ('2026-01-15', '{SOURCE}', 'a', '{number}', {key}, 10, 'RUB', 1), "
            f"('2026-01-16', '{SOURCE}', 'a', '{number}', {key}, 10, 'RUB', 1)"
        )
        engine.execute(
            "INSERT INTO zakaz.fact_qtickets_inventory_latest (event_id, show_id, city, tickets_total, _ver) "
            f"VALUES ({number}, 1, {key}, 5, 1)"
        )
        engine.execute(
            "INSERT INTO zakaz.plan_sales (month, city, tickets_plan, revenue_plan, _ver) VALUES "
            f"('2026-01-01', {key}, 5, 500, 1), ('2026-03-01', {key}, 5, 500, 1)"
        )
    # an event that no dimension knows
    engine.execute(
        "INSERT INTO zakaz.dm_sales_daily (d, event_id, currency, city, tickets_sold, revenue, _ver) "
        "VALUES ('2026-01-15', 999, 'RUB', 'spb', 1, 100, 1)"
    )
    for order, event in ((1, 1), (2, 1), (3, 999)):
        engine.execute(
            "INSERT INTO zakaz.stg_qtickets_tickets (order_id, ticket_id, event_id, is_paid, sale_date, is_sold, "
            f"net_revenue, currency, _ver) VALUES ({order}, 1, {event}, 1, '2026-01-15', 1, 100, 'RUB', 1)"
        )
    return engine


def views_with(engine: Engine, column: str) -> list[str]:
    return [
        row["table"]
        for row in engine.rows(
            f"SELECT table FROM system.columns WHERE database = 'bi' AND name = '{column}' ORDER BY table"
        )
    ]


def test_every_view_with_a_city_writes_it_as_people_do(loaded: Engine) -> None:
    views = views_with(loaded, "city")
    assert len(views) >= 6
    assert views_with(loaded, "city_name") == views
    for view in views:
        for settings in ({}, {"join_use_nulls": 1}):
            text = loaded.execute(f"SELECT DISTINCT city, city_name FROM bi.{view} FORMAT TSVRaw", settings)
            assert dict(line.split("\t") for line in text.splitlines()) == NAMES, view


def test_an_alias_that_came_later_moves_rows_in_every_view_alike(loaded: Engine) -> None:
    loaded.execute(
        "INSERT INTO zakaz.dim_city_alias (alias, city, city_name, source, _ver) "
        "VALUES ('урюпинск', 'урюпинск-сити', '', 'import', 1)"
    )
    for view in views_with(loaded, "city"):
        found = loaded.rows(f"SELECT DISTINCT city, city_name FROM bi.{view} WHERE startsWith(city, 'урюпинск')")
        assert found == [{"city": "урюпинск-сити", "city_name": "Урюпинск-Сити"}], view


def test_sales_name_their_event_hall_and_dates(loaded: Engine) -> None:
    columns = "event_name, place_name, toString(first_show_at) AS first, toString(last_show_at) AS last"
    for view in ("v_sales_daily", "v_sales_utm_daily"):
        for settings in ({}, {"join_use_nulls": 1}):
            query = f"SELECT event_id, {columns} FROM bi.{view} WHERE event_id IN (1, 999) ORDER BY event_id"
            assert loaded.execute(f"{query} FORMAT TSV", settings).splitlines() == [
                "1\tКонцерт 1\tЗал 1\t2026-01-20 19:00:00\t2026-02-20 19:00:00",
                "999\t\t\t\\N\t\\N",
            ], view


def aliases(engine: Engine, alias: str) -> list[dict[str, Any]]:
    return engine.rows(f"SELECT city, city_name, source FROM zakaz.dim_city_alias FINAL WHERE alias = {quote(alias)}")


def test_a_deploy_leaves_an_operators_alias_and_brings_the_seeds_back(engine: Engine, schema: list[Statement]) -> None:
    def deploy() -> list[str]:
        outcome = converge(schema, engine, engine.replay, Options())
        return [operation.kind for operation in outcome.plan.operations]

    deploy()
    seeded = aliases(engine, "питер")
    assert seeded == [{"city": "санкт-петербург", "city_name": "", "source": "seed"}]
    assert aliases(engine, "орел") == [{"city": "орел", "city_name": "Орёл", "source": "seed"}]
    later = 9_000_000_000_000
    imported = "'питер', 'ленинград', 'Ленинград', 'import'"
    columns = "(alias, city, city_name, source, _ver, _is_deleted)"
    engine.execute(f"INSERT INTO zakaz.dim_city_alias {columns} VALUES ({imported}, {later}, 0)")
    assert deploy() == []
    assert aliases(engine, "питер") == [{"city": "ленинград", "city_name": "Ленинград", "source": "import"}]

    engine.execute(f"INSERT INTO zakaz.dim_city_alias {columns} VALUES ({imported}, {later + 1}, 1)")
    assert deploy() == ["seed"]
    assert aliases(engine, "питер") == seeded
    assert deploy() == []

    # what was written by hand, before there was a way to import, is the seed's
    engine.execute(
        "INSERT INTO zakaz.dim_city_alias (alias, city, _ver) "
        f"VALUES ('питер', 'ленинград', {later + 9}), ('свой', 'томск', 1)"
    )
    assert deploy() == ["seed"]
    assert aliases(engine, "питер") == seeded
    assert aliases(engine, "свой") == [{"city": "томск", "city_name": "", "source": "seed"}]


def test_status_finds_cities_with_sales_or_advertising_that_are_one_letter_apart(loaded: Engine) -> None:
    tasks = yaml.safe_load((REPOSITORY / "roles/status/tasks/database.yml").read_text(encoding="utf-8"))
    [query] = [task["clickhouse_query"]["query"] for task in tasks if task["name"].startswith("Ask for the cities")]
    assert near_cities(loaded.rows(query)) == []
    loaded.execute(
        "INSERT INTO zakaz.dm_ads_daily (d, source, account, ad_id, city, spend, currency, _ver) VALUES "
        f"('2026-01-15', '{SOURCE}', 'a', '900', 'екатринбург', 10, 'USD', 1), "
        f"('2026-01-15', '{SOURCE}', 'a', '901', 'омск', 10, 'RUB', 1)"
    )
    assert near_cities(loaded.rows(query)) == [["екатринбург", "екатеринбург"]], "томск and омск are both known"
    loaded.execute(
        "INSERT INTO zakaz.dim_city_alias (alias, city, source, _ver) "
        "VALUES ('екатринбург', 'екатеринбург', 'import', 1)"
    )
    assert near_cities(loaded.rows(query)) == []
