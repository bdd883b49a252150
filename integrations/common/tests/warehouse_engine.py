"""The warehouse in process: the real engine with the schema of templates/ddl, emptied between tests."""

from pathlib import Path
from typing import Any

import clickhouse_connect
import jinja2
import yaml

REPOSITORY = Path(__file__).resolve().parents[3]


def schema_statements() -> list[str]:
    """The rendered DDL in order, with the defaults of the schema role."""
    defaults = yaml.safe_load((REPOSITORY / "roles/clickhouse_schema/defaults/main.yml").read_text())
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(REPOSITORY / "templates/ddl"), undefined=jinja2.StrictUndefined
    )  # SQL, not HTML
    variables = {name: value for name, value in defaults.items() if "{{" not in str(value)}
    statements: list[str] = []
    for template in sorted(environment.list_templates()):
        text = environment.get_template(template).render(variables)
        statements += [part.strip() for part in _split(text) if part.strip()]
    return statements


def _split(text: str) -> list[str]:
    """Statements of a file: a semicolon at the end of a line ends one; comment lines are dropped."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return "\n".join(lines).replace(";\n", "\x00").rstrip().rstrip(";").split("\x00")


def engine(path: str = ":memory:") -> Any:
    """A client of the engine in this process, with the schema applied."""
    client = clickhouse_connect.get_client(interface="chdb", path=path)
    for statement in schema_statements():
        client.command(statement)
    return client


def empty(client: Any) -> None:
    """Remove all rows, except the seeded city aliases."""
    tables = client.query(
        "SELECT database || '.' || name FROM system.tables WHERE database IN ('zakaz', 'meta') "
        "AND engine LIKE '%MergeTree' AND name != 'dim_city_alias'"
    ).result_rows
    for (table,) in tables:
        client.command(f"TRUNCATE TABLE {table}")
