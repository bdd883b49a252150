"""Each loader's user may do what the loader does, and no more."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.imports import graph, modules, reached
from tests.sources import CATALOGUE, REPOSITORY, SOURCES

DECLARED = {
    path.name.split("_", 1)[1].removesuffix(".sql.j2").removeprefix("zakaz.")
    for path in (REPOSITORY / "templates/ddl").glob("*_zakaz.*.sql.j2")
    if "seed" not in path.name
}


MODULES, EDGES = modules(REPOSITORY), graph(REPOSITORY)


def named_in(path: Path) -> set[str]:
    """Tables of the database that a module's texts name; what it says in comments and docstrings does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = "\n".join(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings
    )
    return {table for table in DECLARED if re.search(rf"\b{table}\b", texts)}


def named(loader: str) -> set[str]:
    """Tables that the loader's code names, what it imports of the shared packages included."""
    own = REPOSITORY / "integrations" / loader / "src"
    starts = {name for name, path in MODULES.items() if path.is_relative_to(own)}
    return set[str]().union(*(named_in(MODULES[name]) for name in reached(EDGES, starts)))


@pytest.mark.parametrize("loader", SOURCES)
def test_a_loader_may_use_the_tables_its_code_names_and_no_others(loader):
    clickhouse = SOURCES[loader]["clickhouse"]
    used = {table.removeprefix("zakaz.") for table in clickhouse["writes"] + clickhouse["reads"]}
    assert named(loader) == used


@pytest.mark.parametrize("loader", SOURCES)
def test_grants_are_of_the_loader_s_own_user(loader):
    user = CATALOGUE[loader]["clickhouse_user"]
    assert user["name"] not in {CATALOGUE[other]["clickhouse_user"]["name"] for other in SOURCES if other != loader}
    assert user["profile"] == "loader" and user["access_management"] is False
    writes = {grant.removeprefix("GRANT SELECT, INSERT ON ") for grant in user["grants"] if "INSERT" in grant}
    assert writes == {*SOURCES[loader]["clickhouse"]["writes"], "meta.etl_runs", "meta.watermarks",
                      "meta.rejected_records", "meta.degraded_fields"}  # fmt: skip
    assert all("*" not in grant for grant in user["grants"])
