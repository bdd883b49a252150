# ruff: noqa: E501 - a defect a line
"""Planted defects, each made in a schema that has no other finding."""

from __future__ import annotations

from dataclasses import dataclass

DATABASES = "CREATE DATABASE IF NOT EXISTS zakaz;\nCREATE DATABASE IF NOT EXISTS bi;\n"
COLUMNS = (
    "k UInt64, d Date, city String, price Decimal(18, 2), currency String, at DateTime('Europe/Moscow'), "
    "_ver UInt64, _loaded_at DateTime('Europe/Moscow')"
)


def table(
    columns: str = COLUMNS,
    engine: str = "ReplacingMergeTree(_ver)",
    tail: str = "ORDER BY (d, k)",
    name: str = "zakaz.t",
    head: str = "CREATE TABLE IF NOT EXISTS",
) -> str:
    return f"{head} {name}\n({columns})\nENGINE = {engine}\n{tail};\n"


def view(select: str, head: str = "CREATE OR REPLACE VIEW bi.v DEFINER = CURRENT_USER SQL SECURITY DEFINER") -> str:
    return f"{head}\nAS {select};\n"


CLEAN = DATABASES + table() + view("SELECT t.d AS d, t.city AS city FROM zakaz.t AS t FINAL")
T = DATABASES + table()


@dataclass(frozen=True)
class Defect:
    """One defect.

    :param rule: the rule that must find it.
    :param text: the schema with the defect, as text or bytes.
    :param line: line the finding must name, 0 for any.
    """

    rule: str
    text: str | bytes
    line: int = 0
    note: str = ""


def wrong_table(rule: str, columns: str = COLUMNS, note: str = "", **parts: str) -> Defect:
    return Defect(rule, DATABASES + table(columns, **parts), note=note)


def wrong_view(rule: str, select: str, line: int = 7, note: str = "", before: str = "") -> Defect:
    return Defect(rule, T + before + view(select), line + before.count("\n") if line else 0, note)


DOUBLE = "город".encode().decode("cp1251")
U = table("k UInt64, name String, _ver UInt64, _loaded_at DateTime('Europe/Moscow')", tail="ORDER BY k", name="zakaz.u")

DEFECTS = [
    Defect("bytes-utf8", CLEAN.encode() + "-- город".encode("cp1251"), 9),
    Defect("bytes-bom", b"\xef\xbb\xbf" + CLEAN.encode(), 1),
    Defect("bytes-carriage-return", CLEAN.replace("\n", "\r\n"), 1),
    Defect("bytes-double-encoded", CLEAN + f"-- {DOUBLE}\n", 9, "cp1251"),
    Defect("bytes-double-encoded", CLEAN + f"-- {'город'.encode().decode('latin-1')}\n", 9, "latin-1"),
    Defect("bytes-lost-characters", CLEAN + "-- ?????? ????\n", 9),
    Defect("bytes-lost-characters", CLEAN + "-- \ufffd\n", 9, "U+FFFD"),
    Defect("bytes-invisible", CLEAN.replace("bi.v ", "bi.v\u200b "), 7, "zero width"),
    Defect("bytes-invisible", CLEAN.replace("AS SELECT", "AS\u00a0SELECT"), 8, "no-break space"),
    Defect("bytes-mixed-script", CLEAN + "-- гoрод\n", 9, "a Latin o"),
    Defect("bytes-unrendered", CLEAN.replace("zakaz.t\n", "zakaz.t {{ cluster }}\n"), 3),
    Defect("order-syntax", CLEAN + "SELECT 'never closed\n", 9),
    Defect("order-unknown-statement", CLEAN + "OPTIMIZE TABLE zakaz.t;\n", 9),
    Defect("order-alter-before-create", DATABASES + "ALTER TABLE zakaz.t ADD COLUMN x Int8;\n" + table(), 3),
    Defect("order-alter-if-exists", CLEAN + "ALTER TABLE IF EXISTS zakaz.t ADD COLUMN x Int8;\n", 9),
    Defect("order-unqualified", DATABASES + table(name="t"), 3, "table"),
    wrong_view("order-unqualified", "SELECT t.d AS d FROM t FINAL", 8, "in a view"),
    Defect("order-defined-twice", T + table(), 7),
    Defect("order-not-repeatable", DATABASES + table(head="CREATE TABLE"), 3),
    Defect("order-destructive", CLEAN + "DROP TABLE IF EXISTS zakaz.t;\n", 9, "drop"),
    Defect("order-destructive", DATABASES + table(head="CREATE OR REPLACE TABLE"), 3, "replace"),
    Defect("order-destructive", T + "ALTER TABLE zakaz.t DROP COLUMN city;\n", 7, "column"),
    Defect("order-unknown-object", table(), 1, "database"),
    wrong_view("order-unknown-object", "SELECT x.d AS d FROM zakaz.nowhere AS x", 8, "in a view"),
    Defect("order-unknown-object", DATABASES + "INSERT INTO zakaz.t SELECT 1;\n" + table(), 3, "insert"),
    Defect("order-unrepeatable-insert", T + "INSERT INTO zakaz.t (k) VALUES (1);\n", 7),
    wrong_table("determinism-key", tail="PARTITION BY toYYYYMM(now()) ORDER BY (d, k)", note="partition"),
    wrong_table("determinism-key", tail="ORDER BY (d, k, today())", note="order"),
    wrong_table("determinism-key", tail="ORDER BY (d, k) TTL d + toIntervalDay(rand() % 9)", note="ttl"),
    wrong_table("layer-loaded-at", COLUMNS.replace(", _loaded_at DateTime('Europe/Moscow')", "")),
    wrong_table("layer-ver", COLUMNS.replace("_ver UInt64, ", ""), engine="MergeTree"),
    wrong_table("layer-currency", COLUMNS.replace("currency String, ", "")),
    wrong_table("layer-money", COLUMNS.replace("price Decimal(18, 2)", "price Float64"), "float"),
    wrong_table("layer-money", COLUMNS.replace("price Decimal(18, 2)", "price UInt64"), "kopecks"),
    wrong_table("layer-time-zone", COLUMNS.replace("at DateTime('Europe/Moscow')", "at DateTime"), "plain"),
    wrong_table("layer-time-zone", COLUMNS.replace("at DateTime('Europe/Moscow')", "at Nullable(DateTime64(3))"), "64"),
    wrong_table("layer-partition", tail="PARTITION BY toYYYYMM(at) ORDER BY (d, k)"),
    wrong_table("layer-version-column", engine="ReplacingMergeTree", note="none"),
    wrong_table("layer-version-column", engine="ReplacingMergeTree(version)", note="unknown"),
    wrong_table("layer-version-column", engine="ReplacingMergeTree(city)", note="text"),
    wrong_table("layer-mutable-key", tail="ORDER BY (d, k, price)"),
    wrong_table("layer-no-key", tail="ORDER BY tuple()"),
    wrong_view("view-syntax", "SELECT FROM WHERE", 0),
    wrong_view("view-syntax", "DESCRIBE TABLE zakaz.t", 0, "no select"),
    wrong_view("view-column", "SELECT t.d AS d,\n t.town AS city FROM zakaz.t AS t FINAL", 9),
    wrong_view("view-final", "SELECT t.d AS d FROM zakaz.t AS t", 8),
    wrong_view(
        "view-final",
        "SELECT t.city AS city, argMax(t.price, t._ver) AS p, sum(t.price) AS s FROM zakaz.t AS t GROUP BY city",
        8,
        "half an equivalent",
    ),
    wrong_view("view-star", "SELECT * FROM zakaz.t FINAL", 8),
    wrong_view("view-alias", "SELECT t.d AS d, upper(t.city) FROM zakaz.t AS t FINAL", 8, "expression"),
    wrong_view("view-alias", "SELECT t.d FROM zakaz.t AS t FINAL", 8, "qualified column"),
    wrong_view("view-decimal-division", "SELECT toDecimal64(t.k / 100, 2) AS p FROM zakaz.t AS t FINAL", 8),
    wrong_view(
        "view-decimal-division", "SELECT CAST(t.k / 100 AS Decimal(18, 2)) AS p FROM zakaz.t AS t FINAL", 8, "cast"
    ),
    Defect("view-column-list", T + view("SELECT d FROM zakaz.t FINAL", "CREATE OR REPLACE VIEW zakaz.v (d Date)"), 7),
    wrong_view(
        "view-full-join",
        "SELECT t.d AS d FROM zakaz.t AS t FINAL FULL JOIN (SELECT k FROM zakaz.u FINAL GROUP BY k) AS u ON u.k = t.k",
        8,
        before=U,
    ),
    wrong_view(
        "view-union",
        "SELECT t.d AS d FROM zakaz.t AS t FINAL UNION DISTINCT SELECT t.d AS d FROM zakaz.t AS t FINAL",
        8,
    ),
    wrong_view(
        "view-ratio-average", "SELECT avg(roas) AS r FROM (SELECT t.price AS roas FROM zakaz.t AS t FINAL) AS x", 8
    ),
    wrong_view("view-zero-divisor", "SELECT t.price / t.k AS cpc FROM zakaz.t AS t FINAL", 8),
    Defect("view-definer", T + view("SELECT t.d AS d FROM zakaz.t AS t FINAL", "CREATE OR REPLACE VIEW bi.v"), 7),
    wrong_view(
        "view-join-fan-out",
        "SELECT t.d AS d, u.name AS name FROM zakaz.t AS t FINAL LEFT JOIN zakaz.u AS u FINAL ON u.k = t.k",
        8,
        before=U,
    ),
    Defect(
        "materialized-target",
        T
        + "CREATE MATERIALIZED VIEW IF NOT EXISTS zakaz.m ENGINE = MergeTree ORDER BY d AS SELECT d AS d FROM zakaz.t;\n",
        7,
        "inner",
    ),
    Defect(
        "materialized-target",
        T + "CREATE MATERIALIZED VIEW IF NOT EXISTS zakaz.m TO zakaz.no AS SELECT d AS d FROM zakaz.t;\n",
        7,
        "unknown",
    ),
    Defect(
        "materialized-column",
        T + U + "CREATE MATERIALIZED VIEW IF NOT EXISTS zakaz.m TO zakaz.u AS SELECT k AS k, d AS day FROM zakaz.t;\n",
        11,
    ),
    Defect(
        "materialized-mutable",
        T + U + "CREATE MATERIALIZED VIEW IF NOT EXISTS zakaz.m TO zakaz.u AS SELECT k AS k FROM zakaz.t;\n",
        11,
    ),
    Defect("waiver-reason", "-- schema-check: allow layer-money\n" + CLEAN, 1),
    Defect("waiver-unused", "-- schema-check: allow layer-money because it once was a Float\n" + CLEAN, 1),
    Defect("waiver-unknown", "-- schema-check: allow everything because I am in a hurry\n" + CLEAN, 1),
]
