"""No declared table is decoration: each has code that writes it, and a user who may.

A new table is one line in WRITERS, or in `integrations/*/tests/schema/writers.yml` beside the loader that writes it:
the file, and expressions that only the write itself matches. What a line says is looked up in the file, so it cannot
outlive the code.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.schema.engines import REPOSITORY
from tests.schema.rendering import declared_schema
from tests.sources import CATALOGUE, defaults

COMMON = "packages/zakaz_common/src/zakaz_common"
HISTORY = "roles/watch/files/zakaz_watch/history.py"

# table → file, and what must all be found in it
WRITERS: dict[str, tuple[str, ...]] = {
    "zakaz.dim_city_alias": (
        "templates/ddl/290_zakaz.dim_city_alias.seed.sql.j2",
        r"INSERT INTO zakaz\.dim_city_alias",
    ),
    "zakaz.dim_ads": (f"{COMMON}/ads_mart.py", r'_ADS = "dim_ads"', r"reconcile\(_ADS,"),
    "zakaz.dm_ads_daily": (f"{COMMON}/ads_mart.py", r'_MART = "dm_ads_daily"', r"replace_mart_days\(_MART,"),
    "meta.etl_runs": (f"{COMMON}/run_journal.py", r'insert\("meta\.etl_runs"'),
    "meta.watermarks": (f"{COMMON}/run_journal.py", r'insert\("meta\.watermarks"'),
    "meta.rejected_records": (f"{COMMON}/run_journal.py", r'insert\("meta\.rejected_records"'),
    "meta.degraded_fields": (f"{COMMON}/run_journal.py", r'insert\("meta\.degraded_fields"'),
    "meta.etl_alerts": (HISTORY, r'append\(connection, "meta\.etl_alerts", list\(waiting'),
    "meta.sli_daily": (HISTORY, r'append\(connection, "meta\.sli_daily"'),
    "meta.backup_runs": (
        "roles/backup/files/zakaz_backup/journal.py",
        r'TABLE = "meta\.backup_runs"',
        r"append\(connection, TABLE",
    ),
    "meta.schema_journal": (
        "module_utils/zakaz_schema/journal.py",
        r'JOURNAL = "meta\.schema_journal"',
        r"INSERT INTO \{JOURNAL\}",
    ),
}

for _listed in sorted(REPOSITORY.glob("integrations/*/tests/schema/writers.yml")):
    WRITERS |= {table: tuple(line) for table, line in yaml.safe_load(_listed.read_text(encoding="utf-8")).items()}

# The user that applies the schema writes these; all others are a user's of their own.
BY_ADMIN = {"zakaz.dim_city_alias", "meta.schema_journal"}


def declared_tables() -> set[str]:
    """Every table of the templates."""
    return {statement.name for statement in declared_schema() if statement.kind == "table"}


def granted_inserts() -> set[str]:
    """Every table that some user may insert into."""
    users = [
        *defaults("clickhouse")["clickhouse_own_users"],
        *(source["clickhouse_user"] for source in CATALOGUE.values()),
    ]
    grants = "\n".join(grant for user in users for grant in user["grants"])
    return set(re.findall(r"\bINSERT\b.* ON (\w+\.\w+)", grants))


def test_every_declared_table_has_one_line_and_every_line_a_table():
    declared = declared_tables()
    assert len(declared) > 20
    assert declared - set(WRITERS) == set(), "declared, and nothing is known to write it"
    assert set(WRITERS) - declared == set(), "named here, and no template declares it"


@pytest.mark.parametrize(("table", "line"), WRITERS.items(), ids=lambda value: str(value)[:40])
def test_what_a_line_says_is_in_its_file(table, line):
    file, *expressions = line
    text = (REPOSITORY / file).read_text(encoding="utf-8")
    if file.endswith(".py"):
        text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    assert expressions
    for expression in expressions:
        assert re.search(expression, text), f"{file} writes {table} no more: {expression}"
    assert table.partition(".")[2] in "".join(expressions).replace("\\", ""), "the expressions must name the table"
    assert not {"tests", "bench", "molecule"} & set(Path(file).parts)


def test_whoever_writes_a_table_may():
    assert set(WRITERS) - BY_ADMIN - granted_inserts() == set()
    assert granted_inserts() - set(WRITERS) == set(), "a grant for what no code writes"
