"""What the planner calls a rebuild, a loss or safe, without an engine: catalogues made from statements."""

from __future__ import annotations

import pytest
from zakaz_schema.catalogue import Catalogue, CatalogueObject
from zakaz_schema.create_query import parse
from zakaz_schema.failures import SchemaFailure
from zakaz_schema.plan import Plan, make_plan
from zakaz_schema.plan_text import refusals
from zakaz_schema.statements import split_statements
from zakaz_schema.table_changes import alter_actions, rebuild_reasons
from zakaz_schema.type_changes import DESTRUCTIVE, MUTATION, REBUILD, SAFE, UNSAFE

COLUMNS = "`k` UInt64, `v` UInt64, `s` String"


def table(columns: str = COLUMNS, tail: str = "ORDER BY k", engine: str = "ReplacingMergeTree(v)") -> CatalogueObject:
    """A table as the engine prints it."""
    sql = f"CREATE TABLE s.t ({columns}) ENGINE = {engine} {tail}"
    return CatalogueObject("s.t", "table", sql, "", "", parse(sql))


def view() -> CatalogueObject:
    sql = "CREATE VIEW s.t (`k` UInt64) AS SELECT k FROM s.u"
    return CatalogueObject("s.t", "view", sql, "SELECT k FROM s.u", "", parse(sql))


def risks(live: CatalogueObject, desired: CatalogueObject) -> set[str]:
    return {action.risk for action in alter_actions(live, desired)}


@pytest.mark.parametrize(
    ("live", "desired", "word"),
    [
        (table(), table(engine="MergeTree"), "engine"),
        (table(), table(engine="ReplacingMergeTree(k)"), "engine"),
        (table(), table(tail="PARTITION BY k ORDER BY k"), "PARTITION BY"),
        (table(), table(tail="ORDER BY (s, k)"), "ORDER BY"),
        (table(tail="ORDER BY (k, s)"), table(), "ORDER BY"),
        # a column that holds rows already cannot join the key
        (table(), table(tail="ORDER BY (k, s)"), "ORDER BY"),
        # the key's beginning must stay
        (table(), table(f"{COLUMNS}, `n` UInt8", tail="ORDER BY (n, k)"), "ORDER BY"),
        (table(tail="ORDER BY (k, s)"), table(f"{COLUMNS}, `n` UInt8", tail="ORDER BY (s, k, n)"), "ORDER BY"),
        # nor may a new one that has a default
        (table(), table(f"{COLUMNS}, `n` UInt8 DEFAULT 1", tail="ORDER BY (k, n)"), "ORDER BY"),
        (table(), table("`k` UInt32, `v` UInt64, `s` String"), "key or version column k"),
        (table(), table("`k` UInt64, `v` UInt32, `s` String"), "key or version column v"),
        (table(), table("`v` UInt64, `s` String", tail="ORDER BY v"), "key column k dropped"),
        (table(), table(tail="ORDER BY k SETTINGS index_granularity = 1024"), "setting index_granularity"),
        (table(), table(tail="ORDER BY k SAMPLE BY k"), "SAMPLE BY"),
    ],
)
def test_what_no_alter_can_do_is_a_rebuild_with_its_reason(live, desired, word):
    assert any(reason.startswith(word) for reason in rebuild_reasons(live, desired))


@pytest.mark.parametrize(
    "desired",
    [
        table(f"{COLUMNS}, `n` UInt8"),
        table(f"{COLUMNS}, `n` UInt8", tail="ORDER BY (k, n)"),
        table("`k` UInt64, `v` UInt64"),
        table("`k` UInt64, `v` UInt64, `s` LowCardinality(String)"),
        table(tail="ORDER BY (k)"),
        table(tail="ORDER BY k SETTINGS merge_with_ttl_timeout = 100"),
    ],
)
def test_what_an_alter_can_do_is_none(desired):
    assert rebuild_reasons(table(), desired) == []


def test_a_dropped_column_is_a_loss_and_its_rows_are_counted():
    (action,) = alter_actions(table(), table("`k` UInt64, `v` UInt64"))
    assert (action.risk, action.sql) == (DESTRUCTIVE, "DROP COLUMN `s`")
    assert action.lossy == "`s` != defaultValueOfTypeName('String')"


def test_a_dropped_alias_holds_nothing():
    assert risks(table(f"{COLUMNS}, `a` UInt64 ALIAS k + 1"), table()) == {SAFE}


def test_types_carry_the_risk_of_their_change():
    assert risks(table(), table("`k` UInt64, `v` UInt64, `s` Nullable(String)")) == {MUTATION}
    assert risks(table(), table("`k` UInt64, `v` UInt64, `s` UInt8")) == {UNSAFE}
    assert risks(table(), table(f"{COLUMNS}, `n` UInt8")) == {SAFE}


def planned(live: dict[str, CatalogueObject], desired: CatalogueObject, version: str = "1") -> list:
    statements = split_statements(f"CREATE DATABASE IF NOT EXISTS s;\n{desired.create_query};", "1.sql")
    databases = {"s": ""}
    return make_plan(
        statements,
        Catalogue("1", "admin", databases, live),
        Catalogue(version, "admin", databases, {"s.t": desired}),
    ).operations


def test_a_table_in_the_place_of_a_view_is_destructive_and_the_other_way_round():
    for live, desired in ((view(), table()), (table(), view())):
        (operation,) = planned({"s.t": live}, desired)
        assert (operation.kind, operation.risk) == ("replace", DESTRUCTIVE)
        assert operation.refused_by({"mutation", "unsafe", "rebuild"}) == [DESTRUCTIVE]
        assert operation.refused_by({"destructive"}) == []
        assert operation.statements[0].startswith("DROP ")


def test_new_is_safe_equal_is_nothing_and_a_rebuild_is_named():
    (operation,) = planned({}, table())
    assert (operation.kind, operation.risk) == ("create", SAFE)
    assert planned({"s.t": table()}, table()) == []
    (operation,) = planned({"s.t": table()}, table(tail="ORDER BY (s, k)"))
    assert (operation.kind, operation.risk) == ("rebuild", REBUILD)


@pytest.mark.parametrize(
    ("missing", "says"), [(3, "3 rows missing"), (1, "1 row missing"), (-1, "rows of what is new")]
)
def test_a_seed_says_how_many_rows_as_far_as_it_is_known(missing, says):
    statements = split_statements("INSERT INTO s.t SELECT 1 WHERE 1 NOT IN (SELECT k FROM s.t);", "1.sql")
    catalogue = Catalogue("1", "admin", {"s": ""}, {"s.t": table()})
    (operation,) = make_plan(statements, catalogue, catalogue, {0: missing}).operations
    assert (operation.kind, operation.risk) == ("seed", SAFE)
    assert operation.says[0].startswith(says)
    assert make_plan(statements, catalogue, catalogue, {0: 0}).operations == []


@pytest.mark.parametrize(
    ("declared", "user", "live", "says"),
    [
        ("bi_owner", "admin", "bi_owner", None),
        ("bi_owner", "admin", "admin", "definer admin → bi_owner"),
        ("CURRENT_USER", "admin", "admin", None),
        ("CURRENT_USER", "admin", "somebody", "definer somebody → admin"),
        # an embedded 24.8 does not tell its user
        ("CURRENT_USER", "", "default", None),
    ],
)
def test_a_view_that_reads_with_the_rights_of_another_is_replaced(declared, user, live, says):
    def defined_by(definer: str) -> str:
        return f"VIEW s.t DEFINER = {definer} SQL SECURITY DEFINER AS SELECT k FROM s.u"

    def catalogue(definer: str, user: str) -> Catalogue:
        sql = f"CREATE {defined_by(definer)}"
        found = CatalogueObject("s.t", "view", sql, "SELECT k FROM s.u", "", parse(sql))
        return Catalogue("1", user, {"s": ""}, {"s.t": found})

    statements = split_statements(f"CREATE OR REPLACE {defined_by(declared)};", "1.sql")
    # the throw-away engine has one user, whatever was declared
    operations = make_plan(statements, catalogue(live, user), catalogue("default", "default")).operations
    assert [operation.kind for operation in operations] == (["replace"] if says else [])
    assert [text for operation in operations for text in operation.says] == ([says] if says else [])


def shown(columns: str, kind: str = "view", comment: str = "") -> CatalogueObject:
    """A view or materialized view of these columns, as the engine prints it."""
    head = "VIEW s.t" if kind == "view" else "MATERIALIZED VIEW s.t TO s.u"
    sql = f"CREATE {head} ({columns}) AS SELECT * FROM s.v"
    return CatalogueObject("s.t", kind, sql, f"SELECT {columns} FROM s.v", comment, parse(sql))


MONEY = "`d` Date, `revenue` Decimal(18, 2), `city` String"


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ("`d` Date, `city` String", "column revenue Decimal(18, 2) is gone"),
        ("`d` Date, `revenue` Float64, `city` String", "column revenue Decimal(18, 2) → Float64"),
        ("`d` Date, `revenue` Decimal(38, 2), `city` String", "column revenue Decimal(18, 2) → Decimal(38, 2)"),
        (
            "`d` Date, `revenue` Nullable(Decimal(18, 2)), `city` String",
            "column revenue Decimal(18, 2) → Nullable(Decimal(18, 2))",
        ),
        (
            "`d` Date, `revenue` Decimal(18, 2), `city` LowCardinality(String)",
            "column city String → LowCardinality(String)",
        ),
        ("`d` Date, `city` String, `revenue` Decimal(18, 2)", "column revenue Decimal(18, 2) moves from place 2 to 3"),
        (f"`n` UInt8, {MONEY}", "column d Date moves from place 1 to 2"),
        ("`d` Date, `income` Decimal(18, 2), `city` String", "column revenue Decimal(18, 2) is gone"),
        ("`d` Date, `Revenue` Decimal(18, 2), `city` String", "column revenue Decimal(18, 2) is gone"),
    ],
)
@pytest.mark.parametrize("kind", ["view", "materialized_view"])
def test_a_view_that_breaks_its_readers_is_refused_by_the_columns_name(kind, columns, says):
    (operation,) = planned({"s.t": shown(MONEY, kind)}, shown(columns, kind))
    assert says in operation.says
    others = {"mutation", "destructive", "rebuild"}
    assert operation.refused_by(others) == [UNSAFE]
    assert operation.risk == (UNSAFE if kind == "view" else DESTRUCTIVE)
    assert operation.refused_by({*others, UNSAFE}) == []
    (sentence,) = refusals(Plan([operation]), others)
    assert says in sentence
    assert "ALLOW=destructive,mutation,rebuild,unsafe" in sentence


def test_a_view_that_only_gains_columns_at_the_end_breaks_nobody():
    (operation,) = planned({"s.t": shown(MONEY)}, shown(f"{MONEY}, `n` UInt8, `m` String"))
    assert (operation.risk, operation.says[-1]) == (SAFE, "columns +n UInt8, +m String")
    (operation,) = planned({"s.t": shown(MONEY)}, shown(MONEY, comment="x"))
    assert operation.risk == SAFE


@pytest.mark.parametrize(
    ("before", "after", "risk"),
    [("DEFINER", "INVOKER", UNSAFE), ("DEFINER", "NONE", UNSAFE), ("INVOKER", "DEFINER", SAFE)],
)
def test_a_view_that_asks_its_readers_for_grants_breaks_them(before, after, risk):
    def read_as(security: str) -> CatalogueObject:
        definer = "DEFINER = admin " if security == "DEFINER" else ""
        sql = f"CREATE VIEW s.t (`k` UInt64) {definer}SQL SECURITY {security} AS SELECT k FROM s.u"
        return CatalogueObject("s.t", "view", sql, "SELECT k FROM s.u", "", parse(sql))

    (operation,) = planned({"s.t": read_as(before)}, read_as(after))
    assert operation.risk == risk
    assert sum(f"SQL SECURITY {before} → {after}" in says for says in operation.says) == 1


def test_a_dictionary_that_loses_a_column_is_no_safe_change():
    def dictionary(columns: str) -> CatalogueObject:
        sql = f"CREATE DICTIONARY s.t ({columns}) PRIMARY KEY k SOURCE(NULL()) LAYOUT(FLAT()) LIFETIME(0)"
        return CatalogueObject("s.t", "dictionary", sql, "", "", parse(sql))

    (operation,) = planned({"s.t": dictionary("`k` UInt64, `v` String")}, dictionary("`k` UInt64"))
    assert (operation.risk, operation.says) == (UNSAFE, ("dictionary differs", "column v String is gone"))
    (operation,) = planned({"s.t": dictionary("`k` UInt64")}, dictionary("`k` UInt64, `v` String"))
    assert operation.risk == SAFE


def test_engines_of_two_versions_are_not_compared():
    with pytest.raises(SchemaFailure, match="throw-away engine is 2 and the live server 1"):
        planned({}, table(), version="2")
