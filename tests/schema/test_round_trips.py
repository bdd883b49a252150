"""Random tables A and B: A → B → A ends where it began, with nothing left to plan after each step."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from zakaz_schema.catalogue import read
from zakaz_schema.type_changes import RISKS

from tests.schema.engines import Engine
from tests.schema.test_changes import apply

FAMILIES = {
    "a": ["UInt8", "UInt32", "Int64", "Decimal(18, 2)", "String"],
    "b": ["String", "LowCardinality(String)", "Nullable(String)", "LowCardinality(Nullable(String))"],
    "c": ["Date", "Date32", "DateTime('UTC')", "DateTime('Europe/Moscow')", "DateTime64(3, 'UTC')"],
    "d": ["Enum8('a' = 1)", "Enum8('a' = 1, 'b' = 2)", "Enum16('a' = 1, 'b' = 2)"],
    "e": ["Array(String)", "Map(String, UInt8)", "Float64", "UUID"],
}
DEFAULTS = {
    "String": "toString(k)",
    "UInt8": "toUInt8(k)",
    "UInt32": "3",
    "Int64": "-1",
    "Date": "toDate('2026-01-01')",
}


@st.composite
def column(draw: st.DrawFn, name: str) -> str:
    # what holds several values of no common type stays what it is
    kind = FAMILIES[name][0] if name == "e" else draw(st.sampled_from(FAMILIES[name]))
    default = f" DEFAULT {DEFAULTS[kind]}" if kind in DEFAULTS and draw(st.booleans()) else ""
    comment = draw(st.sampled_from(["", " COMMENT 'город'", " COMMENT 'it''s'"]))
    codec = draw(st.sampled_from(["", " CODEC(ZSTD(2))", " CODEC(LZ4)"]))
    return f"{name} {kind}{default}{comment}{codec}"


@st.composite
def declaration(draw: st.DrawFn) -> str:
    names = draw(st.lists(st.sampled_from(list(FAMILIES)), unique=True, max_size=5))
    parts = [draw(column(name)) for name in names]
    parts.insert(draw(st.integers(0, len(parts))), "k UInt64")
    parts.insert(draw(st.integers(0, len(parts))), "v UInt64")
    parts += draw(st.sampled_from([[], ["INDEX i v TYPE minmax"], ["INDEX i k TYPE minmax GRANULARITY 3"]]))
    parts += draw(st.sampled_from([[], ["CONSTRAINT q CHECK v >= 0"]]))
    extra = draw(
        st.sampled_from(["", " SETTINGS merge_with_ttl_timeout = 99", " SETTINGS min_bytes_for_wide_part = 0"])
    )
    comment = draw(st.sampled_from(["", " COMMENT 'таблица'"]))
    view = f"CREATE OR REPLACE VIEW s.w AS SELECT {', '.join([*names, 'k'])} FROM s.t FINAL"
    return (
        f"CREATE TABLE IF NOT EXISTS s.t ({', '.join(parts)}) ENGINE = ReplacingMergeTree(v) "
        f"ORDER BY k{extra}{comment}; {view}"
    )


@settings(
    max_examples=20, deadline=None, phases=(Phase.generate,), derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(first=declaration(), second=declaration())
def test_there_and_back(engine: Engine, first: str, second: str) -> None:
    engine.reset()
    apply(engine, first)
    engine.execute("INSERT INTO s.t (k, v) VALUES (1, 1), (2, 2)")
    start = shape(engine)
    for text in (second, first):
        # the run itself fails when its second plan is not empty
        apply(engine, text, RISKS)
        assert not apply(engine, text, fast=False).changed
    assert shape(engine) == start
    assert engine.value("SELECT count() AS c FROM s.t") in (2, "2")


def shape(engine: Engine) -> dict:
    found = read(engine, ["s"]).objects
    table = found["s.t"]
    columns = [(c.name, c.type, c.default_kind, c.default, c.comment, c.codec) for c in table.columns]
    parts = table.parts
    view = [(c.name, c.type) for c in found["s.w"].columns]
    return {
        "columns": columns, "indices": parts.indices, "constraints": parts.constraints, "settings": parts.settings,
        "engine": (parts.engine, parts.engine_arguments, parts.sorting), "comment": table.comment, "view": view,
    }  # fmt: skip
