"""The templates rendered as the role renders them, with the role's defaults."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from zakaz_schema.statements import Statement, split_statements
from zakaz_schema.templates import rendered_schema, role_defaults

from tests.schema.engines import REPOSITORY

TEMPLATES = REPOSITORY / "templates" / "ddl"


def defaults() -> dict[str, object]:
    """The role's defaults that are plain values."""
    return role_defaults(REPOSITORY / "roles/clickhouse_schema/defaults/main.yml")


@cache
def _rendered(changes: tuple[tuple[str, object], ...]) -> dict[str, str]:
    return rendered_schema(TEMPLATES, {**defaults(), **dict(changes)})


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
