"""Each loader's user may do what the loader does, and no more."""

from __future__ import annotations

import re

import pytest

from tests.sources import CATALOGUE, REPOSITORY, SOURCES

DECLARED = {
    path.name.split("_", 1)[1].removesuffix(".sql.j2").removeprefix("zakaz.")
    for path in (REPOSITORY / "templates/ddl").glob("*_zakaz.*.sql.j2")
    if "seed" not in path.name
}


def named(loader: str) -> set[str]:
    """Tables of the database that the loader's code names."""
    sources = "".join(
        path.read_text(encoding="utf-8") for path in (REPOSITORY / "integrations" / loader).glob("src/*/**/*.py")
    )
    return {table for table in DECLARED if re.search(rf"\b{table}\b", sources)}


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
