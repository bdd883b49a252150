"""Each loader's user may do what the loader does, and no more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
CLICKHOUSE = REPOSITORY / "roles/clickhouse"
TABLES = yaml.safe_load((CLICKHOUSE / "vars/main.yml").read_text(encoding="utf-8"))
DECLARED = {
    path.name.split("_", 1)[1].removesuffix(".sql.j2").removeprefix("zakaz.")
    for path in (REPOSITORY / "templates/ddl").glob("*_zakaz.*.sql.j2")
    if "seed" not in path.name
}


def named(loader: str) -> set[str]:
    """Tables of the database that the loader's code names."""
    sources = "".join(
        path.read_text(encoding="utf-8") for path in (REPOSITORY / "integrations" / loader).glob("src/*/*.py")
    )
    return {table for table in DECLARED if re.search(rf'"{table}"', sources)}


@pytest.mark.parametrize("loader, variable", [("qtickets_api", "__clickhouse_qtickets_tables")])
def test_a_loader_may_write_the_tables_its_code_names_and_no_others(loader, variable):
    granted = {table.removeprefix("zakaz.") for table in TABLES[variable]}
    assert named(loader) == granted


def test_the_loader_of_sales_may_write_what_operators_bring():
    granted = TABLES["__clickhouse_qtickets_tables"]
    assert {"zakaz.plan_sales", "zakaz.dim_city_alias"} <= set(granted)
    users = yaml.safe_load((CLICKHOUSE / "defaults/main.yml").read_text(encoding="utf-8"))["clickhouse_users"]
    (grants,) = [user["grants"] for user in users if user["name"] == "loader_qtickets"]
    assert "__clickhouse_qtickets_tables" in grants
    assert "GRANT SELECT, INSERT ON " in grants
