"""The DDL templates rendered without Jinja: they hold plain variables only, so that a shell can render them too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .failures import SchemaFailure

_VARIABLE = re.compile(r"\{\{ *([A-Za-z_]\w*) *\}\}")
PREFIX = "clickhouse_schema_"


def render(text: str, variables: Mapping[str, object], file: str = "") -> str:
    """Fill ``{{ name }}``.

    :raises SchemaFailure: a variable that is not given, or anything else of Jinja: with file and line.
    """

    def filled(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise SchemaFailure(
                f"the variable {match[1]} is not defined.",
                file=file,
                line=text.count("\n", 0, match.start()) + 1,
                mend="Its home is roles/clickhouse_schema/defaults/main.yml.",
            )
        return str(variables[match[1]])

    done = _VARIABLE.sub(filled, text)
    left = re.search(r"\{\{|\{%|\{#", done)
    if left:
        raise SchemaFailure(
            "only plain variables {{ name }} are allowed in a template.",
            file=file,
            line=done.count("\n", 0, left.start()) + 1,
        )
    return done


def role_defaults(path: Path) -> dict[str, object]:
    """The variables of the templates, from the role's defaults.

    :param path: roles/clickhouse_schema/defaults/main.yml.
    """
    import yaml

    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {key: item for key, item in values.items() if key.startswith(PREFIX) and isinstance(item, (str, int))}
