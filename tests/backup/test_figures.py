"""Figures that change with any lost, doubled or altered value."""

from __future__ import annotations

import pytest
from zakaz_backup.figures import Figures, differences, figures

from tests.backup.conftest import Site

TABLE = "zakaz.stg_orders"


def said(site: Site, change: str) -> list[str]:
    # one part: nothing to merge between the two looks
    site.sql(f"OPTIMIZE TABLE {TABLE} FINAL")
    before = figures(site.connection, [TABLE])
    site.sql(change)
    return differences(before, figures(site.connection, [TABLE]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE WHERE order_id = 7", "999 rows instead of 1000"),
        ("UPDATE price = price + 0.01 WHERE order_id = 7", "price"),
        ("UPDATE city = 'омск' WHERE order_id = 7", "other values"),
        ("UPDATE paid_at = NULL WHERE order_id = 70", "other values"),
        ("UPDATE paid_at = now() WHERE order_id = 9", "other values"),
    ],
)
def test_each_change_is_told(site: Site, change: str, words: str) -> None:
    (sentence,) = said(site, f"ALTER TABLE {TABLE} {change} SETTINGS mutations_sync = 2")
    assert words in sentence


def test_a_doubled_row_is_told(site: Site) -> None:
    before = figures(site.connection, ["zakaz.plan"])
    site.sql("INSERT INTO zakaz.plan VALUES ('2026-02-01', 0.2)")
    (sentence,) = differences(before, figures(site.connection, ["zakaz.plan"]))
    assert "3 rows instead of 2" in sentence


def test_nothing_changed_is_nothing_said(site: Site) -> None:
    assert said(site, "SELECT 1") == []


def test_exchanged_values_of_two_rows_keep_the_sums_and_change_the_digest(site: Site) -> None:
    site.sql("INSERT INTO zakaz.plan VALUES ('2026-03-01', 0.3)")
    before = figures(site.connection, ["zakaz.plan"])
    site.sql(
        "TRUNCATE TABLE zakaz.plan;\n"
        "INSERT INTO zakaz.plan VALUES ('2026-01-01', 0.2), ('2026-02-01', 0.1), ('2026-03-01', 0.3)"
    )
    assert differences(before, figures(site.connection, ["zakaz.plan"])) == [
        "zakaz.plan has the right counts and sums but other values"
    ]


def test_a_missing_table_and_a_missing_column_are_told() -> None:
    expected = {"a.b": Figures(1, {"x": "1"}, "5")}
    assert differences(expected, {}) == ["a.b is missing"]
    assert differences(expected, {"a.b": Figures(1, {}, "5")}) == ["a.b has x = None in sum instead of 1"]


def test_digests_of_another_release_are_not_compared() -> None:
    expected, found = {"a.b": Figures(1, {}, "5")}, {"a.b": Figures(1, {}, "6")}
    assert differences(expected, found, digests=False) == []
    assert len(differences(expected, found)) == 1


def test_more_tables_than_one_statement_reads_together(site: Site) -> None:
    names = []
    for number in range(23):
        names.append(f"zakaz.t{number}")
        site.sql(
            f"CREATE TABLE zakaz.t{number} (x UInt64) ENGINE = MergeTree ORDER BY x;\n"
            f"INSERT INTO zakaz.t{number} VALUES ({number})"
        )
    found = figures(site.connection, names)
    assert {name: table.sums["x"] for name, table in found.items()} == {f"zakaz.t{n}": str(n) for n in range(23)}
