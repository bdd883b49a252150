# ruff: noqa: E501 - declarations are one line each
"""What stands apart from the templates: seen, told, mended or refused, and never dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from zakaz_schema.converge import Options, converge
from zakaz_schema.failures import SchemaFailure
from zakaz_schema.statements import Statement, split_statements

from tests.schema.engines import Engine
from tests.schema.rendering import declared_schema
from tests.schema.test_changes import apply, declared, definitions

pytestmark = pytest.mark.patient

T = "CREATE TABLE IF NOT EXISTS s.t (k UInt64, v UInt64, s String) ENGINE = ReplacingMergeTree(v) ORDER BY k"
W = "CREATE OR REPLACE VIEW s.w AS SELECT k, s FROM s.t FINAL"


class Counting:
    """An engine that remembers what it was asked."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.asked = engine, []

    def execute(self, sql: str, settings: Mapping[str, Any] | None = None) -> str:
        self.asked.append(sql)
        return self.engine.execute(sql, settings)


def no_scratch(script: str) -> tuple[int, str, str]:
    raise AssertionError("an unchanged schema starts no throw-away engine")


def test_an_unchanged_schema_is_answered_by_one_query(engine: Engine, schema: list[Statement]) -> None:
    converge(schema, engine, engine.replay, Options())
    counting = Counting(engine)
    outcome = converge(schema, counting, no_scratch, Options())
    assert (outcome.fast, outcome.changed, len(counting.asked)) == (True, False, 1)


@pytest.mark.parametrize(
    "by_hand",
    [
        "ALTER TABLE zakaz.dim_events MODIFY COMMENT 'x'",
        pytest.param("ALTER TABLE zakaz.dim_events ADD INDEX i event_id TYPE minmax", marks=pytest.mark.slow),
        pytest.param("CREATE OR REPLACE VIEW bi.v_sales_daily AS SELECT 1 AS one", marks=pytest.mark.slow),
        pytest.param("DROP VIEW bi.v_inventory", marks=pytest.mark.slow),
        pytest.param("DROP TABLE zakaz.plan_sales", marks=pytest.mark.slow),
        "ALTER TABLE zakaz.dim_city_alias DELETE WHERE alias = 'msk' SETTINGS mutations_sync = 2",
        pytest.param(
            "INSERT INTO zakaz.dim_city_alias (alias, city, _ver) VALUES ('msk', 'минск', 99999999999999)",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_was_changed_by_hand_is_put_right(one_engine: Engine, schema: list[Statement], by_hand: str) -> None:
    converge(schema, one_engine, one_engine.replay, Options())
    one_engine.execute(by_hand)
    # those who read what was made by hand would lose it
    allow = frozenset({"unsafe"} if "AS one" in by_hand else ())
    assert converge(schema, one_engine, one_engine.replay, Options(allow=allow)).changed
    assert converge(schema, one_engine, no_scratch, Options()).fast


def test_a_column_added_by_hand_is_refused_not_dropped(one_engine: Engine, schema: list[Statement]) -> None:
    converge(schema, one_engine, one_engine.replay, Options())
    one_engine.execute("ALTER TABLE zakaz.dim_events ADD COLUMN mine String")
    one_engine.execute("INSERT INTO zakaz.dim_events (event_id, mine) VALUES (1, 'x')")
    with pytest.raises(
        SchemaFailure, match=r"201_zakaz\.dim_events\.sql:1: zakaz\.dim_events: refused as destructive"
    ) as refused:
        converge(schema, one_engine, one_engine.replay, Options())
    assert "drop column mine (String) (1 rows hold a value)" in str(refused.value)
    assert one_engine.value("SELECT mine FROM zakaz.dim_events") == "x"


def test_objects_nobody_declared_are_reported_failed_or_ignored(one_engine: Engine, schema: list[Statement]) -> None:
    converge(schema, one_engine, one_engine.replay, Options())
    one_engine.execute("CREATE TABLE zakaz.mine (k UInt64) ENGINE = MergeTree ORDER BY k")
    for fast in (False, True):
        outcome = converge(schema, one_engine, one_engine.replay, Options(fast=fast))
        assert outcome.drift["extra"] == ["zakaz.mine"] and not outcome.changed
    for fast in (False, True):
        with pytest.raises(SchemaFailure, match=r"no template declares: zakaz\.mine.*clickhouse_schema_unmanaged"):
            converge(schema, one_engine, one_engine.replay, Options(unmanaged="fail", fast=fast))
    assert not converge(schema, one_engine, one_engine.replay, Options(unmanaged="ignore")).changed
    one_engine.execute("SELECT * FROM zakaz.mine")


def test_a_broken_view_is_found_behind_its_frozen_columns(engine: Engine) -> None:
    apply(engine, f"{T}; {W}")
    engine.execute("CREATE VIEW s.theirs AS SELECT s FROM s.t")
    engine.execute("CREATE VIEW s.stale AS SELECT v FROM s.t")
    new = f"{T.replace('s String', 'c String').replace('v UInt64', 'v UInt64')}; {W.replace('k, s', 'k, c')}"
    drift = apply(engine, new, ("destructive", "unsafe")).drift
    assert [view["view"] for view in drift["broken_views"]] == ["s.theirs"]
    assert "Code: 47" in drift["broken_views"][0]["error"]
    engine.execute("ALTER TABLE s.t MODIFY COLUMN c Nullable(String)")
    report = apply(engine, new, report=True)
    assert {view["view"] for view in report.drift["broken_views"]} == {"s.theirs", "s.w"}
    assert report.drift["changed"] == ["s.t"] and not report.drift["missing"]


def test_report_tells_everything_and_writes_nothing(one_engine: Engine) -> None:
    apply(one_engine, f"{T}; {W}")
    before = definitions(one_engine)
    new = f"{T.replace(', s String', ', n Int8')}; CREATE OR REPLACE VIEW s.x AS SELECT n FROM s.t FINAL"
    outcome = apply(one_engine, new, report=True)
    assert (
        outcome.drift["missing"] == ["s.x"]
        and outcome.drift["changed"] == ["s.t"]
        and outcome.drift["extra"] == ["s.w"]
    )
    assert len(outcome.refused) == 1 and definitions(one_engine) == before


def test_another_engine_version_is_refused(one_engine: Engine) -> None:
    def other(script: str) -> tuple[int, str, str]:
        code, output, errors = one_engine.replay(script)
        return code, output.replace(one_engine.value("SELECT version() AS v"), "24.8.14.39"), errors

    with pytest.raises(
        SchemaFailure, match=r"the throw-away engine is 24\.8\.14\.39 and the live server .*clickhouse_schema_image"
    ):
        converge(declared(T), one_engine, other, Options())
    assert one_engine.rows("SELECT name FROM system.databases WHERE name = 's'") == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("CREATE TABLE IF NOT EXISTS s.t\n(\n  k UInt64,\n  v Strnig\n) ENGINE = MergeTree ORDER BY k", 2, "Strnig"),
        (
            "CREATE TABLE IF NOT EXISTS s.t\n(\n  k UInt64,\n  v String oops\n) ENGINE = MergeTree ORDER BY k",
            5,
            "SYNTAX_ERROR",
        ),
        (f"{T};\nCREATE OR REPLACE VIEW s.w\nAS SELECT nope AS x FROM s.t FINAL", 3, "nope"),
        (f"{T};\nCREATE OR REPLACE VIEW s.w\nAS SELECT k FROM s.nowhere", 3, "nowhere"),
        ("CREATE OR REPLACE VIEW s.w AS SELECT 1 AS x;\nDROP TABLE s.t", 3, "cannot hold"),
        ("CREATE TABLE t (k UInt64) ENGINE = MergeTree ORDER BY k", 2, "not qualified"),
        (f"{T};\n{T}", 3, "declared a second time; first in pair.sql:2"),
        ("CREATE TABLE IF NOT EXISTS s.t (k String DEFAULT 'x) ENGINE = MergeTree", 2, "never closed"),
        ("CREATE TABLE IF NOT EXISTS {{ db }}.t (k UInt64)", 2, "unrendered template"),
    ],
)
def test_a_wrong_declaration_names_file_and_line(engine: Engine, text: str, line: int, words: str) -> None:
    with pytest.raises(SchemaFailure) as failure:
        statements = split_statements(f"CREATE DATABASE IF NOT EXISTS s;\n{text}", "pair.sql")
        converge(statements, engine, engine.replay, Options())
    assert (failure.value.file, failure.value.line) == ("pair.sql", line), failure.value
    assert words in str(failure.value)
    assert engine.rows("SELECT name FROM system.databases WHERE name = 's'") == []


def test_the_journal_tells_what_was_done(engine: Engine, schema: list[Statement]) -> None:
    converge(schema, engine, engine.replay, Options())
    first = engine.rows("SELECT status, count() AS n FROM meta.schema_journal GROUP BY status ORDER BY status")
    assert [(row["status"], int(row["n"])) for row in first] == [("applied", len(schema)), ("converged", 1)]
    changed = declared_schema(clickhouse_schema_rejected_days=90)
    outcome = converge(changed, engine, engine.replay, Options(allow=frozenset({"destructive"})))
    entries = engine.rows(
        "SELECT object, operation, risk, statement, details, engine_version, duration_ms FROM meta.schema_journal "
        f"WHERE run_id = '{outcome.run_id}' AND status = 'applied'"
    )
    assert sorted((entry["object"], entry["operation"], entry["risk"]) for entry in entries) == [
        ("meta.degraded_fields", "alter", "destructive"),
        ("meta.rejected_records", "alter", "destructive"),
    ]
    for entry in entries:
        assert "MODIFY TTL" in entry["statement"] and "180" in json.loads(entry["details"])["changes"][0]


def test_a_rebuild_keeps_the_old_table_and_every_row(engine: Engine) -> None:
    old = "CREATE TABLE IF NOT EXISTS s.t (k UInt64, d Date, m Decimal(18, 2), v UInt64, x UInt8) ENGINE = ReplacingMergeTree(v, x) ORDER BY k"
    new = old.replace("ORDER BY k", "PARTITION BY toYYYYMM(d) ORDER BY (d, k)")
    apply(engine, old)
    engine.execute("SYSTEM STOP MERGES s.t")
    for version in (1, 2):
        engine.execute(
            f"INSERT INTO s.t SELECT number, '2026-01-01', toDecimal64(number, 2) / 100, {version}, number % 10 = 0 AND {version} = 2 FROM numbers(1000)"
        )
    seen = engine.rows("SELECT count() AS n, sum(m) AS m FROM s.t FINAL")
    with pytest.raises(SchemaFailure, match=r"refused as rebuild: .*ORDER BY k → d, k"):
        apply(engine, new, ("mutation", "unsafe", "destructive"))
    outcome = apply(engine, new, ("rebuild",))
    assert engine.rows("SELECT count() AS n, sum(m) AS m FROM s.t FINAL") == seen
    (kept,) = outcome.kept
    assert engine.rows(f"SELECT count() AS n, sum(m) AS m FROM {kept} FINAL") == seen
    assert outcome.drift["kept"] == [kept] and not outcome.drift["extra"]
    # a tombstone must still win over a late older version
    engine.execute("INSERT INTO s.t VALUES (0, '2026-01-01', 5, 1, 0)")
    assert engine.rows("SELECT k FROM s.t FINAL WHERE k = 0") == []


def test_a_rebuild_that_would_merge_different_rows_is_undone(engine: Engine) -> None:
    old = "CREATE TABLE IF NOT EXISTS s.t (k UInt64, c String, v UInt64) ENGINE = ReplacingMergeTree(v) ORDER BY (k, c)"
    apply(engine, old)
    engine.execute("INSERT INTO s.t VALUES (1, 'a', 1), (1, 'b', 1)")
    before = definitions(engine)
    with pytest.raises(SchemaFailure, match=r"rebuilt copy differs from the table: rows 2 → 1.*Nothing was exchanged"):
        apply(engine, old.replace("(k, c)", "k"), ("rebuild",))
    assert definitions(engine) == before
    assert engine.value("SELECT count() AS n FROM s.t") in (2, "2")


def test_a_rebuild_says_what_stands_in_its_way(one_engine: Engine) -> None:
    base = "CREATE TABLE IF NOT EXISTS s.t (k UInt64, c String, n Int64, v UInt64) ENGINE = ReplacingMergeTree(v) ORDER BY k"
    apply(one_engine, base)
    one_engine.execute("INSERT INTO s.t VALUES (1, 'a', 300, 1)")
    one_engine.execute("CREATE MATERIALIZED VIEW s.m ENGINE = MergeTree ORDER BY k AS SELECT k FROM s.t")
    new = base.replace("c String, n Int64", "n Int8").replace("ORDER BY k", "ORDER BY (k, v)")
    with pytest.raises(SchemaFailure) as refused:
        apply(one_engine, new, ("rebuild",))
    for words in (
        "column c would be lost",
        "column n: 1 rows would lose their value as Int8",
        "materialized view s.m reads it",
    ):
        assert words in str(refused.value)


def test_the_diff_reads_like_the_change(one_engine: Engine) -> None:
    apply(one_engine, f"{T}; {W}")
    new = f"{T.replace('s String', 's String, n Int8 COMMENT $$x$$')}; {W} COMMENT 'вид'".replace("$$", "'")
    diff = apply(one_engine, new, check=True).diff
    before, after = diff["before"].splitlines(), diff["after"].splitlines()
    assert [line for line in after if line not in before] == ["    `n` Int8 COMMENT 'x'", "  COMMENT вид"]
    assert [line for line in before if line not in after] == []
