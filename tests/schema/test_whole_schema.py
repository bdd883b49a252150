"""The templates themselves on every engine: applied twice, the second time nothing is left to do."""

from __future__ import annotations

import pytest
from zakaz_schema.converge import Options, converge
from zakaz_schema.statements import Statement, databases

from tests.schema.engines import Engine

pytestmark = pytest.mark.patient


def apply(engine: Engine, schema: list[Statement], **options: object):
    return converge(schema, engine, engine.replay, Options(**options))


def test_a_second_application_plans_nothing(engine: Engine, schema: list[Statement]) -> None:
    first = apply(engine, schema)
    assert first.changed and not first.refused
    assert {op.kind for op in first.plan.operations} == {"create", "seed"}

    second = apply(engine, schema, fast=False)
    assert not second.changed and second.plan.operations == []
    assert not any(second.drift.values())

    third = apply(engine, schema)
    assert third.fast and not third.changed


def test_check_mode_says_what_the_real_run_then_does(engine: Engine, schema: list[Statement]) -> None:
    said = apply(engine, schema, check=True)
    assert engine.rows("SELECT name FROM system.databases WHERE name IN ('zakaz', 'bi', 'meta')") == []
    done = apply(engine, schema)
    assert said.as_dict()["summary"] == done.as_dict()["summary"]
    assert said.diff == done.diff


def test_the_statements_sent_twice_by_a_plain_client_change_nothing(engine: Engine, schema: list[Statement]) -> None:
    for _ in range(2):
        for statement in schema:
            engine.execute(statement.sql)
        aliases = engine.value("SELECT count() AS c FROM zakaz.dim_city_alias")
    assert aliases == engine.value("SELECT uniqExact(alias) AS c FROM zakaz.dim_city_alias")
    outcome = apply(engine, schema)
    assert outcome.plan.operations == []


def test_every_bi_view_reads_with_its_definers_rights(engine: Engine, schema: list[Statement]) -> None:
    apply(engine, schema)
    views = engine.rows("SELECT name, create_table_query AS sql FROM system.tables WHERE database = 'bi'")
    assert len(views) >= 9
    for view in views:
        assert "SQL SECURITY DEFINER" in view["sql"], view["name"]
        engine.execute(f"SELECT * FROM bi.{view['name']}")


def test_the_contract_with_dashboards_keeps_its_columns(one_engine: Engine, schema: list[Statement]) -> None:
    apply(one_engine, schema)
    columns = {
        "bi.v_sales_daily": [
            *("d", "city", "event_id", "tickets_sold", "revenue", "currency", "_loaded_at"),
            *("city_name", "event_name", "place_name", "first_show_at", "last_show_at"),
        ],
        "bi.v_ads_daily": [
            *("d", "source", "city", "currency", "impressions", "clicks", "spend", "_loaded_at", "city_name")
        ],
        "bi.v_ads_campaigns_daily": [
            *("d", "source", "account", "campaign_id", "campaign_name", "group_id", "group_name", "ad_id", "ad_name"),
            *("impressions", "clicks", "goals", "spend", "spend_gross", "currency", "_loaded_at"),
        ],
        "bi.v_marketing_roi_daily": [
            *("d", "city", "revenue", "tickets_sold", "impressions", "clicks", "spend", "roas", "cpc", "cpt"),
            *("_loaded_at", "city_name"),
        ],
        "bi.v_sales_utm_daily": [
            *("d", "event_id", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "currency"),
            *("tickets_sold", "orders", "revenue", "_loaded_at"),
            *("event_name", "place_name", "first_show_at", "last_show_at"),
        ],
        "bi.v_plan_fact_monthly": [
            *("month", "city", "tickets_plan", "tickets_sold", "tickets_done", "revenue_plan", "revenue"),
            *("revenue_done", "_loaded_at", "city_name"),
        ],
        "bi.v_inventory": [
            *("event_id", "event_name", "city", "show_id", "starts_at", "tickets_total", "tickets_available"),
            *("tickets_sold", "sold_ratio", "taken_at", "_loaded_at", "city_name"),
        ],
    }
    for view, expected in columns.items():
        found = one_engine.rows(f"DESCRIBE TABLE (SELECT * FROM {view})")
        assert [row["name"] for row in found] == expected


def test_everything_is_described(one_engine: Engine, schema: list[Statement]) -> None:
    apply(one_engine, schema)
    assert (
        one_engine.rows(
            "SELECT database, name FROM system.tables WHERE database IN ('zakaz', 'bi', 'meta') AND comment = ''"
        )
        == []
    )
    assert (
        one_engine.rows(
            "SELECT database, table, name FROM system.columns WHERE database IN ('zakaz', 'meta') AND comment = '' "
            "AND table NOT LIKE 'v\\_%'"
        )
        == []
    )


def test_one_file_holds_one_object_and_is_named_after_it(schema: list[Statement]) -> None:
    assert databases(schema) == ["zakaz", "bi", "meta"]
    files = [statement.file for statement in schema]
    assert len(files) == len(set(files))
    for statement in schema:
        stem = statement.file.split("_", 1)[1].removesuffix(".sql").removesuffix(".seed")
        assert stem == statement.name


def test_a_cluster_inventory_gets_replicated_tables(one_engine: Engine) -> None:
    from tests.schema.rendering import declared_schema

    cluster = declared_schema(
        clickhouse_schema_replacing_engine="ReplicatedReplacingMergeTree",
        clickhouse_schema_merge_engine="ReplicatedMergeTree",
        clickhouse_schema_on_cluster="ON CLUSTER main",
        clickhouse_schema_definer="bi_owner",
    )
    assert all("ON CLUSTER main" in s.sql for s in cluster if s.kind != "insert")
    # the throw-away engine knows neither the cluster nor its users, and yet replays the whole schema
    outcome = converge(cluster, one_engine, one_engine.replay, Options(report=True))
    assert len(outcome.plan.operations) == len(cluster)
