"""The templates rendered as the role renders them: strict Jinja with the role's defaults."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2
import yaml
from zakaz_schema.statements import Statement, split_statements

from tests.schema.engines import REPOSITORY

TEMPLATES = REPOSITORY / "templates" / "ddl"


def defaults() -> dict[str, object]:
    """The role's defaults that are plain values."""
    text = (REPOSITORY / "roles/clickhouse_schema/defaults/main.yml").read_text(encoding="utf-8")
    return {key: value for key, value in yaml.safe_load(text).items() if "{{" not in str(value)}


@cache
def _rendered(changes: tuple[tuple[str, object], ...]) -> dict[str, str]:
    # keep_trailing_newline as Ansible's template module does
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    variables = {**defaults(), **dict(changes)}
    return {
        path.name.removesuffix(".j2"): environment.from_string(path.read_text(encoding="utf-8")).render(variables)
        for path in sorted(TEMPLATES.glob("*.sql.j2"))
    }


def rendered(**changes: object) -> dict[str, str]:
    """File name → text, in the order they are applied."""
    return _rendered(tuple(sorted(changes.items())))


def declared_schema(**changes: object) -> list[Statement]:
    """The statements of the whole schema."""
    return [s for name, text in rendered(**changes).items() for s in split_statements(text, name)]


def write_rendered(directory: Path, **changes: object) -> Path:
    """The rendered files in a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in rendered(**changes).items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory
