"""The DDL templates rendered, for the role, the scripts and the tests alike.

Without Jinja: they hold plain variables only, so that scripts/bootstrap_clickhouse.sh can render them with sed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .failures import SchemaFailure

_VARIABLE = re.compile(r"\{\{ *([A-Za-z_]\w*) *\}\}")
PREFIX = "clickhouse_schema_"
SUFFIX = ".j2"


def rendered_schema(folder: Path, variables: Mapping[str, object]) -> dict[str, str]:
    """The statements of a folder of templates: text by file name without ``.j2``, in the order they are applied.

    :param folder: holds ``*.sql.j2``, templates/ddl for instance.
    :param variables: by name; see :func:`role_defaults`.
    :raises SchemaFailure: there is no template, or one cannot be rendered.
    """
    texts = {
        path.name.removesuffix(SUFFIX): render(path.read_text(encoding="utf-8"), variables, path.name)
        for path in _templates(folder)
    }
    if not texts:
        raise SchemaFailure(f"the directory {folder} holds no *.sql{SUFFIX} file.")
    return texts


def variables_in(folder: Path) -> set[str]:
    """Names of the variables that a folder's templates hold."""
    return {name for path in _templates(folder) for name in _VARIABLE.findall(path.read_text(encoding="utf-8"))}


def _templates(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*.sql{SUFFIX}"))


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
