# ruff: noqa: E501 - declarations are one line each
"""A statement fails, an answer is lost, a mutation cannot finish: what is left, and what a rerun makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from zakaz_clickhouse.failures import EngineFailure, Unreachable
from zakaz_schema.converge import ApplyFailure, Options, converge
from zakaz_schema.failures import SchemaFailure
from zakaz_schema.type_changes import RISKS

from tests.schema.engines import Engine
from tests.schema.test_changes import apply, declared, definitions

OLD = """
CREATE TABLE IF NOT EXISTS s.a (k UInt64, v UInt64, n UInt8, gone String) ENGINE = ReplacingMergeTree(v) ORDER BY k;
CREATE TABLE IF NOT EXISTS s.b (k UInt64, v UInt64, n Nullable(Int32)) ENGINE = ReplacingMergeTree(v) ORDER BY k;
CREATE OR REPLACE VIEW s.w AS SELECT k, n FROM s.a FINAL
"""
NEW = """
CREATE TABLE IF NOT EXISTS s.a (k UInt64, v UInt64, n UInt32 COMMENT 'шире', added String) ENGINE = ReplacingMergeTree(v) ORDER BY k COMMENT 'x';
CREATE TABLE IF NOT EXISTS s.b (k UInt64, v UInt64, n Int32) ENGINE = ReplacingMergeTree(v) ORDER BY (k, n);
CREATE TABLE IF NOT EXISTS s.c (k UInt64, v UInt64) ENGINE = ReplacingMergeTree(v) ORDER BY k;
INSERT INTO s.c SELECT k, 1 AS v FROM values('k UInt64', 1, 2) WHERE k NOT IN (SELECT k FROM s.c);
CREATE OR REPLACE VIEW s.w AS SELECT k, n, added FROM s.a FINAL;
CREATE OR REPLACE VIEW s.x AS SELECT k FROM s.w
"""
READING = ("SELECT", "DESCRIBE", "\nSELECT")


class Interrupted:
    """An engine whose k-th writing statement fails.

    :param mode: ``refused``: an error instead of the statement; ``lost``: the statement is done, its answer
        and everything after it are lost.
    """

    def __init__(self, engine: Engine, at: int, mode: str) -> None:
        self.engine, self.at, self.mode, self.seen = engine, at, mode, 0

    def execute(self, sql: str, settings: Mapping[str, Any] | None = None) -> str:
        if sql.startswith(READING):
            if self.mode == "lost" and self.seen > self.at:
                raise Unreachable("connection refused")
            return self.engine.execute(sql, settings)
        self.seen += 1
        if self.mode == "refused" and self.seen == self.at + 1:
            raise EngineFailure("Code: 241. DB::Exception: Memory limit exceeded", 241)
        if self.mode == "lost" and self.seen > self.at:
            if self.seen == self.at + 1:
                self.engine.execute(sql, settings)
            raise Unreachable("connection reset")
        return self.engine.execute(sql, settings)


def prepare(engine: Engine) -> None:
    apply(engine, OLD)
    engine.execute("INSERT INTO s.a VALUES (1, 1, 5, ''), (2, 1, 6, '')")
    engine.execute("INSERT INTO s.b VALUES (1, 1, 5), (2, 1, 6)")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["refused", "lost"])
def test_an_interruption_at_every_statement_is_mended_by_a_rerun(engine: Engine, mode: str) -> None:
    at = 0
    while True:
        engine.reset()
        prepare(engine)
        before = definitions(engine)
        interrupted = Interrupted(engine, at, mode)
        options = Options(allow=frozenset(RISKS))
        try:
            converge(declared(NEW), interrupted, engine.replay, options)
        except (SchemaFailure, Unreachable) as failure:
            if mode == "refused" and isinstance(failure, ApplyFailure):
                left = [row for row in definitions(engine) if "__kept_" not in row["name"]]
                lost = [text for text in failure.reverted.left if "come back empty" in text or "not empty" in text]
                assert left == before or failure.reverted.left, (at, failure)
                assert failure.reverted.left == lost or "ORDER BY" in str(failure.reverted.left), (at, failure)
        else:
            break
        assert converge(declared(NEW), engine, engine.replay, options).changed or mode == "lost"
        assert not converge(declared(NEW), engine, engine.replay, Options(fast=False)).changed
        assert engine.execute("SELECT k, n FROM s.w ORDER BY k FORMAT TSV").split() == ["1", "5", "2", "6"]
        assert engine.execute("SELECT k, n FROM s.b FINAL ORDER BY k FORMAT TSV").split() == ["1", "5", "2", "6"]
        at += 1
    # more statements than operations: the rebuild alone has three
    assert at >= 8


def test_a_refused_statement_leaves_everything_as_it_was(engine: Engine) -> None:
    new = """
    CREATE TABLE IF NOT EXISTS s.a (k UInt64, v UInt64, n UInt32 COMMENT 'x', gone String, c Int8) ENGINE = ReplacingMergeTree(v) ORDER BY k;
    CREATE TABLE IF NOT EXISTS s.b (k UInt64, v UInt64, n Nullable(Int64)) ENGINE = ReplacingMergeTree(v) ORDER BY k;
    CREATE TABLE IF NOT EXISTS s.c (k UInt64, v UInt64) ENGINE = ReplacingMergeTree(v) ORDER BY k;
    CREATE OR REPLACE VIEW s.w AS SELECT k, n, c FROM s.a FINAL;
    CREATE OR REPLACE VIEW s.x AS SELECT k FROM s.c FINAL
    """
    prepare(engine)
    before = definitions(engine)
    for at in range(5):
        with pytest.raises(ApplyFailure, match="Memory limit exceeded") as failure:
            converge(declared(new), Interrupted(engine, at, "refused"), engine.replay, Options(allow=frozenset(RISKS)))
        assert failure.value.reverted.left == []
        assert definitions(engine) == before, at
        assert engine.execute("SELECT k, n FROM s.w ORDER BY k FORMAT TSV").split() == ["1", "5", "2", "6"]


def test_a_failed_mutation_is_put_back_and_the_table_reads(engine: Engine) -> None:
    old = "CREATE TABLE IF NOT EXISTS s.t (k UInt64, v UInt64, c String) ENGINE = ReplacingMergeTree(v) ORDER BY k"
    new = old.replace("c String", "c UInt32, d Int8")
    apply(engine, old)
    engine.execute("INSERT INTO s.t VALUES (1, 1, '42'), (2, 1, 'сорок два')")
    with pytest.raises(ApplyFailure, match=r"Put back: s\.t: .*UInt32 → String"):
        apply(engine, new, ("unsafe", "destructive"))
    assert engine.execute("SELECT c FROM s.t ORDER BY k FORMAT TSVRaw").split("\n")[:2] == ["42", "сорок два"]
    assert engine.rows("SELECT * FROM system.mutations WHERE NOT is_done") == []
    assert not apply(engine, old, fast=False).changed
    engine.execute("INSERT INTO s.t VALUES (3, 1, 'x')")
    engine.execute("OPTIMIZE TABLE s.t FINAL")


def test_an_unfinished_mutation_is_refused_before_anything_is_written(engine: Engine) -> None:
    old = "CREATE TABLE IF NOT EXISTS s.t (k UInt64, v UInt64, c String) ENGINE = ReplacingMergeTree(v) ORDER BY k"
    apply(engine, old)
    engine.execute("INSERT INTO s.t VALUES (1, 1, 'x')")
    # somebody's own ALTER: its mutation never finishes, and yet the new type is in the metadata already
    engine.execute("ALTER TABLE s.t MODIFY COLUMN c UInt32", {"mutations_sync": 0, "alter_sync": 0})
    before = definitions(engine)
    with pytest.raises(SchemaFailure, match=r"unfinished mutations stand in the way: s\.t: .*KILL MUTATION"):
        apply(engine, f"{old} COMMENT 'x'")
    assert definitions(engine) == before
    assert apply(engine, old, report=True).drift["stuck_mutations"][0]["object"] == "s.t"
    engine.execute("KILL MUTATION WHERE database = 's'")
    assert apply(engine, f"{old} COMMENT 'x'", RISKS).changed
    assert engine.execute("SELECT c FROM s.t FORMAT TSVRaw") == "x\n"
