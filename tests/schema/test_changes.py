"""Every old → new pair ends converged or rightly refused, and the rows are what they must be."""

from __future__ import annotations

import pytest
from zakaz_schema.converge import Options, Outcome, converge
from zakaz_schema.failures import SchemaFailure
from zakaz_schema.statements import Statement, split_statements
from zakaz_schema.type_changes import RISKS

from tests.schema.changes import CHANGES, Change
from tests.schema.engines import Engine


def declared(text: str) -> list[Statement]:
    return split_statements(f"CREATE DATABASE IF NOT EXISTS s; {text}", "pair.sql")


def apply(engine: Engine, text: str, allow: tuple[str, ...] = (), **options: object) -> Outcome:
    return converge(declared(text), engine, engine.replay, Options(allow=frozenset(allow), **options))


def definitions(engine: Engine) -> list[dict]:
    return engine.rows("SELECT name, create_table_query AS sql FROM system.tables WHERE database = 's' ORDER BY name")


def _parameters() -> list:
    # one in eight is enough before every push
    slow = [[] if index % 8 == 0 else pytest.mark.slow for index in range(len(CHANGES))]
    return [
        pytest.param(change, marks=mark, id=change.name.replace(" ", "-"))
        for change, mark in zip(CHANGES, slow, strict=True)
    ]


@pytest.mark.parametrize("change", _parameters())
def test_a_change_converges_or_is_refused(engine: Engine, change: Change) -> None:
    apply(engine, change.old)
    if change.rows:
        engine.execute(f"INSERT INTO s.t VALUES {change.rows}")
    before = definitions(engine)

    plan = apply(engine, change.new, report=True)
    risks = [operation.risk for operation in plan.plan.operations]
    assert max(risks, key=RISKS.index, default="none") == change.risk, plan.as_dict()["summary"]

    if change.risk not in ("safe", "none"):
        with pytest.raises(
            SchemaFailure,
            match=rf"pair\.sql:\d+: s\.\w+: refused .*{change.risk}.*"
            rf"make schema ALLOW=([a-z]+,)*{change.risk}(,[a-z]+)* \(clickhouse_schema_allow: \[",
        ):
            apply(engine, change.new)
        assert definitions(engine) == before

    done = apply(engine, change.new, RISKS)
    assert done.changed == (change.risk != "none")
    # the proof of convergence is part of the run; the next one must also find nothing
    assert not apply(engine, change.new, fast=False).changed
    if change.reads:
        query, answer = change.reads
        assert engine.execute(f"{query} FORMAT TSVRaw").strip() == answer


def test_the_matrix_is_as_large_as_promised() -> None:
    assert len(CHANGES) >= 60
    assert len({change.name for change in CHANGES}) == len(CHANGES)
