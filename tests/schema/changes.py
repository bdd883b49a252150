"""Old → new pairs of declarations, each with the risk it must be given and what it must do to the rows."""

from __future__ import annotations

from dataclasses import dataclass

SAFE, MUTATION, UNSAFE, DESTRUCTIVE, REBUILD = "safe", "mutation", "unsafe", "destructive", "rebuild"


@dataclass(frozen=True)
class Change:
    """One pair.

    :param name: the test's name.
    :param old: declarations before, ``;`` between them.
    :param new: declarations after.
    :param risk: the gravest risk of the plan.
    :param rows: VALUES inserted into s.t before the change.
    :param reads: (query, answer as TSV) that must hold afterwards.
    """

    name: str
    old: str
    new: str
    risk: str = SAFE
    rows: str = ""
    reads: tuple[str, str] | None = None


def table(
    columns: str = "k UInt64, v UInt64, s String",
    engine: str = "ReplacingMergeTree(v)",
    tail: str = "ORDER BY k",
    name: str = "s.t",
) -> str:
    return f"CREATE TABLE IF NOT EXISTS {name} ({columns}) ENGINE = {engine} {tail}"


def _columns(name: str, old: str, new: str, risk: str = SAFE, rows: str = "", reads: tuple[str, str] | None = None):
    """A pair that differs in one more column."""
    base = "k UInt64, v UInt64"
    return Change(
        name, table(f"{base}, {old}" if old else base), table(f"{base}, {new}" if new else base), risk, rows, reads
    )


T = table()
VIEW = "CREATE OR REPLACE VIEW s.w AS SELECT k, s FROM s.t FINAL"
KEEP = "(1, 1, 'a'), (2, 1, 'b')"
COUNT = ("SELECT count() FROM s.t", "2")

CHANGES = [
    # --- columns: metadata
    _columns("add a column", "", "c String", rows="(1, 1)", reads=("SELECT c FROM s.t", "")),
    _columns("add a column with a default", "", "c String DEFAULT 'x'", rows="(1, 1)", reads=("SELECT c FROM s.t", "x")),
    Change("add a column first", T, table("c String, k UInt64, v UInt64, s String"), rows=KEEP, reads=COUNT),
    Change("add a column in the middle", T, table("k UInt64, c Date, v UInt64, s String")),
    Change("add several columns", T, table("k UInt64, a Int8, v UInt64, b Int8, s String, c Int8")),
    Change("reorder columns", T, table("k UInt64, s String, v UInt64"), rows=KEEP, reads=("SELECT s FROM s.t WHERE k = 2", "b")),
    Change("move a column to the front", T, table("s String, k UInt64, v UInt64")),
    Change("reverse the columns and add one", T, table("s String, n Int8, v UInt64, k UInt64")),
    _columns("add a comment", "c String", "c String COMMENT 'город'"),
    _columns("change a comment", "c String COMMENT 'a'", "c String COMMENT 'it''s \\\\ \"b\"'"),
    _columns("remove a comment", "c String COMMENT 'a'", "c String"),
    _columns("add a codec", "c String", "c String CODEC(ZSTD(3))"),
    _columns("change a codec", "c UInt64 CODEC(LZ4)", "c UInt64 CODEC(Delta, ZSTD(1))"),
    _columns("remove a codec", "c String CODEC(ZSTD(3))", "c String"),
    _columns("add a default", "c String", "c String DEFAULT 'x'"),
    _columns("change a default", "c String DEFAULT 'x'", "c String DEFAULT upper('y')"),
    _columns("remove a default", "c String DEFAULT 'x'", "c String"),
    _columns("a default becomes materialized", "c UInt64 DEFAULT k", "c UInt64 MATERIALIZED k + 1"),
    _columns("comment and codec at once", "c String", "c String COMMENT 'a' CODEC(ZSTD(1))"),
    _columns("comment removed and default changed", "c String DEFAULT 'a' COMMENT 'b'", "c String DEFAULT 'c'"),
    _columns("add an alias column", "", "c UInt64 ALIAS k + v"),
    _columns("drop an alias column", "c UInt64 ALIAS k + v", ""),
    _columns("a name that needs quotes", "", "`order by` String COMMENT 'x'"),
    _columns("a nested type", "c Array(String)", "c Array(String), m Map(String, UInt64), t Tuple(a UInt8, b String)"),
    # --- columns: lossless rewriting
    _columns("widen an integer", "c UInt8", "c UInt32", MUTATION, "(1, 1, 200)", ("SELECT c FROM s.t", "200")),
    _columns("unsigned to a wider signed", "c UInt32", "c Int64", MUTATION, "(1, 1, 4294967295)", ("SELECT c FROM s.t", "4294967295")),
    _columns("widen a decimal", "c Decimal(9, 2)", "c Decimal(18, 2)", MUTATION, "(1, 1, 0.29)", ("SELECT c FROM s.t", "0.29")),
    _columns("integer to a decimal that holds it", "c Int32", "c Decimal(18, 2)", MUTATION, "(1, 1, 7)", ("SELECT c = 7 FROM s.t", "1")),
    _columns("float to double", "c Float32", "c Float64", MUTATION, "(1, 1, 0.5)", ("SELECT c FROM s.t", "0.5")),
    _columns("becomes nullable", "c String", "c Nullable(String)", MUTATION, "(1, 1, 'x')", ("SELECT c FROM s.t", "x")),
    _columns("becomes low cardinality", "c String", "c LowCardinality(String)", MUTATION, "(1, 1, 'x')", ("SELECT c FROM s.t", "x")),
    _columns("no longer low cardinality", "c LowCardinality(String)", "c String", MUTATION, "(1, 1, 'x')", ("SELECT c FROM s.t", "x")),
    _columns("enum grows", "c Enum8('a' = 1)", "c Enum8('a' = 1, 'b' = 2)", MUTATION, "(1, 1, 'a')", ("SELECT c FROM s.t", "a")),
    _columns("enum to string", "c Enum8('a' = 1)", "c String", MUTATION, "(1, 1, 'a')", ("SELECT c FROM s.t", "a")),
    _columns(
        "zone of a time", "c DateTime('UTC')", "c DateTime('Europe/Moscow')", MUTATION,
        "(1, 1, '2026-01-31 22:30:00')", ("SELECT toYYYYMM(c) FROM s.t", "202602"),
    ),
    _columns("seconds to milliseconds", "c DateTime('UTC')", "c DateTime64(3, 'UTC')", MUTATION, "(1, 1, '2026-01-31 22:30:00')"),
    _columns("number to text", "c UInt64", "c String", MUTATION, "(1, 1, 7)", ("SELECT c FROM s.t", "7")),
    _columns("widen with comment and default", "c Int16", "c Int32 DEFAULT 5 COMMENT 'x'", MUTATION, "(1, 1, -7)", ("SELECT c FROM s.t", "-7")),
    # --- columns: what could lose a value
    _columns("no longer nullable, no NULL in it", "c Nullable(Int32)", "c Int32", UNSAFE, "(1, 1, 5)", ("SELECT c FROM s.t", "5")),
    _columns("no longer nullable, a NULL in it", "c Nullable(Int32)", "c Int32", DESTRUCTIVE, "(1, 1, NULL), (2, 1, 5)", ("SELECT sum(c) FROM s.t", "5")),
    _columns("no longer nullable, a default for the NULLs", "c Nullable(Int32)", "c Int32 DEFAULT 7 COMMENT 'x'", DESTRUCTIVE, "(1, 1, NULL)", ("SELECT c FROM s.t", "7")),
    _columns("nullable text becomes low cardinality", "c Nullable(String)", "c LowCardinality(String)", UNSAFE, "(1, 1, 'x')", ("SELECT c FROM s.t", "x")),
    _columns("narrow an integer, values fit", "c Int64", "c Int16", UNSAFE, "(1, 1, -300)", ("SELECT c FROM s.t", "-300")),
    _columns("narrow an integer, values do not fit", "c Int64", "c Int8", DESTRUCTIVE, "(1, 1, 300)"),
    _columns("float money to decimal, a kopeck at stake", "c Float64", "c Decimal(18, 2)", DESTRUCTIVE, "(1, 1, 0.29), (2, 1, 1.15)"),
    _columns("float to decimal, exact", "c Float64", "c Decimal(18, 2)", UNSAFE, "(1, 1, 0.5)", ("SELECT c FROM s.t", "0.5")),
    _columns("text to number, digits only", "c String", "c UInt32", UNSAFE, "(1, 1, '42')", ("SELECT c FROM s.t", "42")),
    _columns("fewer decimals, exact", "c Decimal(18, 4)", "c Decimal(18, 2)", UNSAFE, "(1, 1, 1.25)", ("SELECT c FROM s.t", "1.25")),
    _columns("fewer decimals, digits lost", "c Decimal(18, 4)", "c Decimal(18, 2)", DESTRUCTIVE, "(1, 1, 1.2345)"),
    _columns("drop a column", "c String", "", DESTRUCTIVE, "(1, 1, 'x')"),
    _columns("rename is a drop and an addition", "c String", "d String", DESTRUCTIVE, "(1, 1, 'x')"),
    # --- indices, projections, constraints
    Change("add an index", T, table("k UInt64, v UInt64, s String, INDEX i s TYPE bloom_filter GRANULARITY 4"), rows=KEEP, reads=COUNT),
    Change(
        "change an index",
        table("k UInt64, v UInt64, s String, INDEX i s TYPE bloom_filter"),
        table("k UInt64, v UInt64, s String, INDEX i v TYPE minmax GRANULARITY 2"),
    ),
    Change("drop an index", table("k UInt64, v UInt64, s String, INDEX i v TYPE minmax"), T, rows=KEEP, reads=COUNT),
    Change(
        "add a projection",
        table(engine="MergeTree"),
        table("k UInt64, v UInt64, s String, PROJECTION p (SELECT s, count() GROUP BY s)", "MergeTree"),
        rows=KEEP, reads=COUNT,
    ),
    Change("drop a projection", table("k UInt64, v UInt64, s String, PROJECTION p (SELECT v ORDER BY v)", "MergeTree"), table(engine="MergeTree")),
    Change("add a constraint", T, table("k UInt64, v UInt64, s String, CONSTRAINT c CHECK v < 100"), rows=KEEP, reads=COUNT),
    Change(
        "change a constraint",
        table("k UInt64, v UInt64, s String, CONSTRAINT c CHECK v < 100"),
        table("k UInt64, v UInt64, s String, CONSTRAINT c CHECK v < 200 AND s != ''"),
    ),
    # --- the table itself
    Change("table comment", T, f"{T} COMMENT 'таблица'"),
    Change("table comment removed", f"{T} COMMENT 'x'", T),
    Change("add a setting", T, table(tail="ORDER BY k SETTINGS merge_with_ttl_timeout = 100")),
    Change("change a setting", table(tail="ORDER BY k SETTINGS merge_with_ttl_timeout = 100"), table(tail="ORDER BY k SETTINGS merge_with_ttl_timeout = 200, min_bytes_for_wide_part = 0")),
    Change("reset a setting", table(tail="ORDER BY k SETTINGS merge_with_ttl_timeout = 100"), T),
    Change("a column and a key that grows by it", T, table("k UInt64, v UInt64, s String, r UInt8", tail="ORDER BY (k, r)"), rows=KEEP, reads=COUNT),
    Change(
        "add a TTL", table("k UInt64, v UInt64, d Date"), table("k UInt64, v UInt64, d Date", tail="ORDER BY k TTL d + INTERVAL 1 YEAR"),
        DESTRUCTIVE, "(1, 1, today()), (2, 1, '2001-01-01')", ("SELECT count() FROM s.t", "1"),
    ),
    Change(
        "lengthen a TTL", table("k UInt64, v UInt64, d Date", tail="ORDER BY k TTL d + toIntervalDay(10)"),
        table("k UInt64, v UInt64, d Date", tail="ORDER BY k TTL d + toIntervalDay(20)"), DESTRUCTIVE, "(1, 1, today())",
    ),
    Change("remove a TTL", table("k UInt64, v UInt64, d Date", tail="ORDER BY k TTL d + toIntervalDay(10)"), table("k UInt64, v UInt64, d Date")),
    _columns("add a column TTL", "d Date, c String", "d Date, c String TTL d + toIntervalDay(5)", DESTRUCTIVE, "(1, 1, today(), 'x')"),
    _columns("remove a column TTL", "d Date, c String TTL d + toIntervalDay(5)", "d Date, c String"),
    Change("everything at once", table("k UInt64, v UInt64, s String, INDEX i v TYPE minmax", tail="ORDER BY k SETTINGS merge_with_ttl_timeout = 100"),
           table("k UInt64, n Int8 DEFAULT 1, v UInt64, s LowCardinality(String) COMMENT 'x', INDEX j s TYPE set(8)", tail="ORDER BY k SETTINGS min_rows_for_wide_part = 1") + " COMMENT 'y'",
           MUTATION, KEEP, ("SELECT sum(n) FROM s.t", "2")),
    # --- rebuilds
    Change("engine", table(engine="MergeTree"), T, REBUILD, KEEP, COUNT),
    Change("version column", table("k UInt64, v UInt64, w UInt64"), table("k UInt64, v UInt64, w UInt64", engine="ReplacingMergeTree(w)"), REBUILD, "(1, 1, 1), (2, 1, 1)", COUNT),
    Change("is_deleted added to the engine", table("k UInt64, v UInt64, x UInt8"), table("k UInt64, v UInt64, x UInt8", engine="ReplacingMergeTree(v, x)"), REBUILD, "(1, 1, 0), (2, 1, 0)", COUNT),
    Change("sorting key", T, table(tail="ORDER BY (k, s)"), REBUILD, KEEP, COUNT),
    Change("partition key", T, table(tail="PARTITION BY k % 2 ORDER BY k"), REBUILD, KEEP, COUNT),
    Change("primary key shorter than the sorting key", table(tail="ORDER BY (k, s)"), table(tail="PRIMARY KEY k ORDER BY (k, s)"), REBUILD, KEEP, COUNT),
    Change("type of a key column", T, table("k UInt32, v UInt64, s String"), REBUILD, KEEP, COUNT),
    Change("type of the version column", T, table("k UInt64, v UInt32, s String"), REBUILD, KEEP, COUNT),
    Change("granularity", T, table(tail="ORDER BY k SETTINGS index_granularity = 1024"), REBUILD, KEEP, COUNT),
    # --- views
    Change("new view", T, f"{T}; {VIEW}"),
    Change("view's select", f"{T}; {VIEW}", f"{T}; CREATE OR REPLACE VIEW s.w AS SELECT k, s FROM s.t FINAL WHERE k > 1", rows=KEEP, reads=("SELECT count() FROM s.w", "1")),
    Change("view's columns", f"{T}; {VIEW}", f"{T}; CREATE OR REPLACE VIEW s.w AS SELECT k, v AS version FROM s.t FINAL", UNSAFE),
    Change("view's column at the end", f"{T}; {VIEW}", f"{T}; CREATE OR REPLACE VIEW s.w AS SELECT k, s, v FROM s.t FINAL", rows=KEEP, reads=("SELECT v FROM s.w WHERE k = 2", "1")),
    Change("view's column lost", f"{T}; {VIEW}", f"{T}; CREATE OR REPLACE VIEW s.w AS SELECT k FROM s.t FINAL", UNSAFE, KEEP, COUNT),
    Change("view's column renamed", f"{T}; {VIEW}", f"{T}; CREATE OR REPLACE VIEW s.w AS SELECT k, s AS city FROM s.t FINAL", UNSAFE),
    Change("view's column retyped", f"{T}; {VIEW}", f"{T}; CREATE OR REPLACE VIEW s.w AS SELECT toUInt32(k) AS k, s FROM s.t FINAL", UNSAFE, KEEP, ("SELECT toTypeName(k) FROM s.w LIMIT 1", "UInt32")),
    Change("view's column widened", f"{T}; {VIEW}", f"{T}; CREATE OR REPLACE VIEW s.w AS SELECT toUInt128(k) AS k, s FROM s.t FINAL", UNSAFE),
    Change("view's column becomes nullable", f"{T}; {VIEW}", f"{T}; CREATE OR REPLACE VIEW s.w AS SELECT k, toNullable(s) AS s FROM s.t FINAL", UNSAFE),
    Change("view's column no longer nullable", f"{T}; CREATE OR REPLACE VIEW s.w AS SELECT k, toNullable(s) AS s FROM s.t FINAL", f"{T}; {VIEW}", UNSAFE),
    Change("view's columns in another order", f"{T}; {VIEW}", f"{T}; CREATE OR REPLACE VIEW s.w AS SELECT s, k FROM s.t FINAL", UNSAFE),
    Change("view's new column in the middle", f"{T}; {VIEW}", f"{T}; CREATE OR REPLACE VIEW s.w AS SELECT k, v, s FROM s.t FINAL", UNSAFE),
    Change("a view that another view shows loses a column", f"{T}; {VIEW}; CREATE OR REPLACE VIEW s.x AS SELECT k, s FROM s.w",
           f"{T}; CREATE OR REPLACE VIEW s.w AS SELECT k FROM s.t FINAL; CREATE OR REPLACE VIEW s.x AS SELECT k FROM s.w", UNSAFE, KEEP, ("SELECT count() FROM s.x", "2")),
    Change("view's comment", f"{T}; {VIEW}", f"{T}; {VIEW} COMMENT 'вид'"),
    Change("view read with the reader's rights from now on", f"{T}; CREATE OR REPLACE VIEW s.w DEFINER = CURRENT_USER SQL SECURITY DEFINER AS SELECT k, s FROM s.t FINAL",
           f"{T}; CREATE OR REPLACE VIEW s.w SQL SECURITY INVOKER AS SELECT k, s FROM s.t FINAL", UNSAFE),
    Change("view's security", f"{T}; {VIEW}", f"{T}; CREATE OR REPLACE VIEW s.w DEFINER = CURRENT_USER SQL SECURITY DEFINER AS SELECT k, s FROM s.t FINAL"),
    Change("a column the view reads is widened", f"{table('k UInt64, v UInt64, s UInt8')}; {VIEW}", f"{table('k UInt64, v UInt64, s UInt32')}; {VIEW}", UNSAFE, "(1, 1, 200)", ("SELECT s + 65000 FROM s.w", "65200")),
    Change("a view of a view follows", f"{table('k UInt64, v UInt64, s UInt8')}; {VIEW}; CREATE OR REPLACE VIEW s.x AS SELECT s FROM s.w",
           f"{table('k UInt64, v UInt64, s UInt32')}; {VIEW}; CREATE OR REPLACE VIEW s.x AS SELECT s FROM s.w", UNSAFE, "(1, 1, 200)", ("SELECT toTypeName(s) FROM s.x", "UInt32")),
    Change("a view over a rebuilt table", f"{T}; {VIEW}", f"{table(tail='ORDER BY (k, s)')}; {VIEW}", REBUILD, KEEP, ("SELECT count() FROM s.w", "2")),
    Change("an added column shown by the view", f"{T}; {VIEW}", f"{table('k UInt64, v UInt64, s String, c Int8')}; CREATE OR REPLACE VIEW s.w AS SELECT k, s, c FROM s.t FINAL", rows=KEEP, reads=("SELECT sum(c) FROM s.w", "0")),
    Change("a dropped column leaves the view first or with it", f"{T}; {VIEW}", f"{table('k UInt64, v UInt64')}; CREATE OR REPLACE VIEW s.w AS SELECT k, v FROM s.t FINAL", DESTRUCTIVE, KEEP, ("SELECT count() FROM s.w", "2")),
    Change("a view becomes a table", f"{T}; {VIEW}", f"{T}; {table('k UInt64, v UInt64', name='s.w')}", DESTRUCTIVE),
    Change("materialized view's select", f"{T}; {table(name='s.u')}; CREATE MATERIALIZED VIEW IF NOT EXISTS s.m TO s.u AS SELECT k, v, s FROM s.t",
           f"{T}; {table(name='s.u')}; CREATE MATERIALIZED VIEW IF NOT EXISTS s.m TO s.u AS SELECT k, v + 1 AS v, s FROM s.t", DESTRUCTIVE, KEEP, ("SELECT count() FROM s.u", "2")),
    Change("materialized view's column lost", f"{T}; {table(name='s.u')}; CREATE MATERIALIZED VIEW IF NOT EXISTS s.m TO s.u AS SELECT k, v, s FROM s.t",
           f"{T}; {table(name='s.u')}; CREATE MATERIALIZED VIEW IF NOT EXISTS s.m TO s.u AS SELECT k, v FROM s.t", DESTRUCTIVE, KEEP, ("SELECT count() FROM s.u", "2")),
    # --- several objects
    Change("two tables", f"{T}; {table(name='s.u')}", f"{table('k UInt64, v UInt64, s String, c Int8')}; {table(name='s.u')} COMMENT 'x'"),
    Change("a new database", T, f"{T}; CREATE DATABASE IF NOT EXISTS s2; {table(name='s2.t')}"),
    Change("rows of a seed", T, f"{T}; INSERT INTO s.t SELECT k, 1 AS v, 'x' AS s FROM values('k UInt64', 1, 2, 9) WHERE k NOT IN (SELECT k FROM s.t)", rows=KEEP, reads=("SELECT count() FROM s.t", "3")),
    Change("nothing but spelling", T, "CREATE TABLE IF NOT EXISTS `s`.`t` (`k` UInt64, -- a key\n `v` UInt64, `s` String) ENGINE=ReplacingMergeTree(v) ORDER BY (k)", "none", KEEP, COUNT),
]  # fmt: skip
