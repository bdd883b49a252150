"""From the schema of the release before to this one and back, with its rows and without a loader's run.

A folder `integrations/*/tests/schema/former` holds the views of the release before, `rows.sql` as its loader left them
and `later.sql` as it wrote after a rollback.
"""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
from zakaz_schema.converge import Options, converge
from zakaz_schema.statements import Statement, split_statements

from tests.schema.engines import REPOSITORY, Engine
from tests.schema.rendering import defaults

pytestmark = pytest.mark.patient

FORMER = sorted(REPOSITORY.glob("integrations/*/tests/schema/former"))
NEW = {"zakaz.dim_ads", "zakaz.dm_ads_daily", "zakaz.v_ads_compared", "bi.v_ads_daily", "bi.v_ads_campaigns_daily"}
# a campaign's row came from staging and now comes from the mart, each with its own time
TIMES = "* EXCEPT (_loaded_at)"


def former_schema(folder: Path, schema: list[Statement]) -> list[Statement]:
    """What the release before declared: this one's statements without what is new, and that one's views."""
    variables = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    declared: dict[str, Statement] = {}
    for path in sorted(folder.glob("*.sql.j2")):
        text = variables.from_string(path.read_text(encoding="utf-8")).render(defaults())
        declared |= {statement.name: statement for statement in split_statements(text, path.name.removesuffix(".j2"))}
    kept = [one for one in schema if one.name not in NEW and one.name not in declared]
    return sorted([*kept, *declared.values()], key=lambda one: one.file)


def rows_of(engine: Engine, file: Path) -> None:
    for statement in split_statements(file.read_text(encoding="utf-8"), file.name):
        engine.execute(statement.sql)


def shown(engine: Engine, statements: list[Statement]) -> dict[str, str]:
    """Columns, types and all rows of the views that are declared."""
    found = {}
    for name in (one.name for one in statements if one.kind == "view" and one.database in ("bi", "meta")):
        what = TIMES if name.endswith("_campaigns_daily") else "*"
        found[name] = engine.execute(
            f"SELECT {what} FROM {name} ORDER BY ALL FORMAT JSONCompactEachRowWithNamesAndTypes"
        )
        found[f"columns of {name}"] = engine.execute(f"SELECT * FROM {name} LIMIT 0 FORMAT TSVWithNamesAndTypes")
    return found


@pytest.mark.parametrize("folder", FORMER, ids=lambda folder: folder.parts[-4])
def test_an_upgrade_shows_what_was_shown_and_a_rollback_too(
    folder: Path, engine: Engine, schema: list[Statement]
) -> None:
    former = former_schema(folder, schema)
    converge(former, engine, engine.replay, Options())
    rows_of(engine, folder / "rows.sql")
    before = shown(engine, former)
    assert before["bi.v_marketing_roi_daily"].count("\n") > 40

    said = converge(schema, engine, engine.replay, Options(check=True))
    done = converge(schema, engine, engine.replay, Options())
    assert shown(engine, former) == before
    assert said.as_dict()["summary"] == done.as_dict()["summary"]
    assert {operation.risk for operation in done.plan.operations} == {"safe"}
    order = [(operation.kind, operation.name.startswith("bi.")) for operation in done.plan.operations]
    last_seed = max(place for place, (kind, _) in enumerate(order) if kind == "seed")
    assert not any(is_view for _, is_view in order[: last_seed + 1]), "filled before any view is turned to it"
    for fast in (True, False):
        again = converge(schema, engine, engine.replay, Options(fast=fast))
        assert (again.changed, again.fast) == (False, fast)

    back = converge(former, engine, engine.replay, Options())
    assert {operation.risk for operation in back.plan.operations} == {"safe"}
    assert set(back.drift["extra"]) == NEW, "left alone"
    assert shown(engine, former) == before
    rows_of(engine, folder / "later.sql")
    later = shown(engine, former)
    assert later["bi.v_marketing_roi_daily"] != before["bi.v_marketing_roi_daily"]

    forward = converge(schema, engine, engine.replay, Options())
    assert {one.name for one in forward.plan.operations if one.kind == "seed"} == {
        "zakaz.dim_ads",
        "zakaz.dm_ads_daily",
    }
    after = shown(engine, former)
    # the campaigns came from staging, which has no rows of later.sql
    assert {name for name in after if after[name] != later[name]} == {
        name for name in later if name.startswith("bi.") and name.endswith("_campaigns_daily")
    }
    assert not converge(schema, engine, engine.replay, Options()).changed
