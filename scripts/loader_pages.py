"""What an operator reads of a loader's variables: the table in its README, and test_env/.env.template.

Names, defaults and sentences are those of source.yml and, of what every loader has, of zakaz_common.settings; types and
bounds are those of the loader's own settings.
"""

from __future__ import annotations

import importlib
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "module_utils"), str(REPOSITORY / "packages/zakaz_common/src")]

from source_file import environment_name, loader_settings  # noqa: E402
from zakaz_common.settings import SECRETS_DIR, CommonSettings  # noqa: E402

BEGIN = "<!-- variables: made by `make docs` from source.yml and zakaz_common.settings; do not edit -->"
END = "<!-- variables: end -->"
BOUNDS = {Ge: ("ge", "from"), Gt: ("gt", "over"), Le: ("le", "up to"), Lt: ("lt", "below")}
WIDTH = 120
HEAD = """\
# Every variable of every loader, with its default; made by `make docs`, do not edit. Copy it, fill in what is marked
# REQUIRED, keep it at mode 0600.
# A dry run needs no value at all: docker run --rm --env-file test_env/.env.template IMAGE run --dry-run
# Values stand as they are: no quotes, no comment after a value. An empty optional value means its default.
"""
COMMON = {"CLICKHOUSE_": "ClickHouse", "LOADER_": "How a run behaves"}


@dataclass(frozen=True)
class Variable:
    """A variable of a loader's environment.

    ``value`` is its default, or what stands for one that must be given; ``required`` says when it must be, or nothing.
    """

    name: str
    value: str
    required: str
    secret: bool
    takes: str
    words: str


def text_of(value: Any) -> str:
    """A value as an env file has it."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def takes(field: FieldInfo) -> str:
    """The values or the bounds of a field, where it has any."""
    if field.annotation is bool:
        return "`true` or `false`"
    if get_origin(field.annotation) is Literal:
        return " · ".join(f"`{value}`" for value in get_args(field.annotation))
    limits = {type(limit): limit for limit in field.metadata}
    return " ".join(f"{word} {getattr(limits[kind], key)}" for kind, (key, word) in BOUNDS.items() if kind in limits)


def common_variables(users: list[str]) -> Iterator[Variable]:
    """What every loader has.

    :param users: the ClickHouse users that may stand in it
    """
    for name, field in CommonSettings.model_fields.items():
        required, words = field.is_required(), str(field.description)
        value = (field.examples or ["change-me"])[0] if required else text_of(field.default)
        if name == "clickhouse_user":
            # of all sources in one file: that of the first stands for its like
            value, words = (
                users[0],
                f"{words.rstrip('.')}" + (f": `{users[0]}`." if len(users) == 1 else ", see its README."),
            )
        secret = field.annotation is SecretStr
        yield Variable(name.upper(), value, "required" if required else "", secret, takes(field), words)


def own_variables(name: str, source: Mapping[str, Any]) -> Iterator[Variable]:
    """What only this source has.

    :param name: its folder
    :param source: from :func:`source_file.read_source`
    :raises SystemExit: the loader's settings lack one that source.yml describes
    """
    sys.path.insert(0, str(REPOSITORY / f"integrations/{name}/src"))
    fields = {
        field_name.upper(): field
        for model in vars(importlib.import_module(f"{name}.settings")).values()
        if isinstance(model, type) and issubclass(model, CommonSettings)
        for field_name, field in model.model_fields.items()
    }
    for variable, setting in loader_settings(source).items():
        if variable not in fields:
            sys.exit(f"{name}: source.yml describes {variable}; its settings.py has no field {variable.lower()}")
        value, required = text_of(setting.get("default", "change-me")), ""
        if setting.get("required"):
            required = "required"
            if "service" in setting:
                required += f" by the {setting['service']}"
            elif "unless" in setting:
                value, required = "change-me", f"required unless `{environment_name(source, setting['unless'])}` is set"
        words = " ".join(str(setting["description"]).split())
        yield Variable(variable, value, required, bool(setting.get("secret")), takes(fields[variable]), words)


def row(variable: Variable) -> str:
    """A variable as a row of a table."""
    default = variable.required or (f"`{variable.value}`" if variable.value else "empty")
    cells = [f"`{variable.name}`", default + (", secret" if variable.secret else ""), variable.takes, variable.words]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def readme(name: str, source: Mapping[str, Any]) -> str:
    """The README of a source: what is written by hand, and its variables between their marks."""
    page = (REPOSITORY / f"integrations/{name}/README.md").read_text(encoding="utf-8")
    variables = [*own_variables(name, source), *common_variables([source["clickhouse"]["user"]])]
    table = ["| variable | default | values | what it is |", "|---|---|---|---|", *map(row, variables)]
    text = "\n".join([BEGIN, "", *table, "", END])
    if BEGIN not in page:
        page += f"\n## Variables\n\n{BEGIN}{END}\n"
    return re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: text, page, flags=re.DOTALL)


def entry(variable: Variable) -> str:
    """A variable as lines of an env file."""
    said = [variable.words]
    if variable.required:
        said.insert(0, variable.required.replace("required", "REQUIRED") + ".")
    if variable.takes:
        said.append(f"Values: {variable.takes}.")
    if variable.secret:
        said.append(f"Or a file of this name in lower case in {SECRETS_DIR}; then remove this line.")
    comment = textwrap.fill(
        " ".join(said).replace("`", ""), WIDTH, initial_indent="# ", subsequent_indent="# ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return f"{comment}\n{variable.name}={variable.value}\n"


def template(sources: Mapping[str, Mapping[str, Any]]) -> str:
    """The env file of all sources, those first that are loaded first."""
    ordered = dict(sorted(sources.items(), key=lambda item: item[1]["order"]))
    common = list(common_variables([source["clickhouse"]["user"] for source in ordered.values()]))
    sections = {title: [one for one in common if one.name.startswith(prefix)] for prefix, title in COMMON.items()} | {
        source["title"]: list(own_variables(name, source)) for name, source in ordered.items()
    }
    parts = [HEAD]
    for title, variables in sections.items():
        parts += [f"\n# --- {title} ".ljust(WIDTH, "-") + "\n", *map(entry, variables)]
    return "".join(parts)
