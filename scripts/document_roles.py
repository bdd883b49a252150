#!/usr/bin/env python3
"""Write the settings into the roles' READMEs and into docs/configuration.md, from argument_specs and defaults; those of
the loaders into their READMEs and test_env/.env.template, from source.yml; and the limits into
docs/operations/alerts.md, from the table of the role watch.

What a README says outside the marked part is written by hand and stays. `--check` writes nothing and exits 1 when a
page is not what it would be.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "plugins"), str(REPOSITORY / "module_utils")]

import loader_pages  # noqa: E402
from source_file import read_sources  # noqa: E402
from vars.sources import settings_of  # noqa: E402

BEGIN = "<!-- settings: made by `make docs` from meta/argument_specs.yml and defaults; do not edit -->"
END = "<!-- settings: end -->"
ALERTS = REPOSITORY / "docs/operations/alerts.md"
LIMITS_BEGIN = "<!-- limits: made by `make docs` from roles/watch/vars/main/limits.yml; do not edit -->"
LIMITS_END = "<!-- limits: end -->"
# a longer default is read where it is set
LONGEST_DEFAULT = 60
HEAD = """\
# Configuration

Every variable of every role and of every source, made from `argument_specs`, defaults and `source.yml` by `make docs`;
do not edit. An inventory sets only what differs ([inventories](../inventories)), one run takes others as
`ARGS='-e name=value'`. A misspelt name is refused with the one that was meant, a wrong type with the variable's name.

A default in *italics* is computed from other variables, or long: see the role's `defaults`. Secrets are marked; in
production they come from the Vault.
"""


def cell(text: str) -> str:
    """Text that stays in one cell of a table."""
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def sentences(description: str | list[str]) -> str:
    """A description of one or several paragraphs as one text."""
    return " ".join(description) if isinstance(description, list) else str(description)


def default_of(value: Any, secret: bool) -> str:
    """What a table shows of a default."""
    if secret:
        return "*secret*"
    if isinstance(value, str) and ("{{" in value or "{%" in value):
        return "*computed*"
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    if text == "":
        return "empty"
    return f"`{cell(text)}`" if len(text) <= LONGEST_DEFAULT else "*long*"


def type_of(option: dict[str, Any]) -> str:
    """Type of a setting, with its elements or choices."""
    if "choices" in option:
        return " · ".join(f"`{choice}`" for choice in option["choices"])
    return f"list of {option['elements']}" if "elements" in option else str(option["type"])


def table(role: Path) -> list[str]:
    """The settings of a role, a row each, in the order of argument_specs; empty when it has none."""
    specification = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    options = specification["argument_specs"]["main"].get("options") or {}
    defaults: dict[str, Any] = {}
    for file in [*role.glob("defaults/main.yml"), *sorted(role.glob("defaults/main/*.yml"))]:
        defaults.update(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    if not options:
        return []
    lines = ["| variable | type | default | what it is |", "|---|---|---|---|"]
    for name, option in options.items():
        # a value that only looks secret is none: which file or table, not what is in it
        shown = default_of(defaults.get(name, ""), bool(option.get("no_log")) and option["type"] == "str")
        lines.append(f"| `{name}` | {type_of(option)} | {shown} | {cell(sentences(option['description']))} |")
    return lines


def readme(role: Path) -> str:
    """The README of a role: what is written by hand, and the settings at its end."""
    page = role / "README.md"
    specification = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"][
        "main"
    ]
    if page.exists():
        hand = re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    else:
        hand = f"# {role.name}\n\n{specification['short_description'].rstrip('.')}.\n"
    settings = table(role) or ["This role has no settings of its own."]
    return "\n".join([hand.rstrip("\n"), "", BEGIN, "", "## Settings", "", *settings, "", END, ""])


def source_table(name: str, source: dict[str, Any]) -> list[str]:
    """The settings of a source, a row each, in the order of its source.yml."""
    lines = ["| variable | type | default | environment of the loader | what it is |", "|---|---|---|---|---|"]
    for variable, setting in settings_of(name, source).items():
        secret = bool(setting.get("secret"))
        kind, environment = setting.get("type", "str"), setting.get("environment", "")
        shown = default_of(setting["default"], secret)
        words = cell(sentences(setting["description"]))
        lines.append(f"| `{variable}` | {kind} | {shown} | {f'`{environment}`' if environment else ''} | {words} |")
    password = source["clickhouse"]["password"]
    user = source["clickhouse"]["user"]
    what = f"Password of {user}. Generated once and kept in zakaz_secrets_dir unless set or in the Vault."
    lines.append(f"| `{password}` | str | *secret* | `CLICKHOUSE_PASSWORD` | {what} |")
    return lines


def configuration(roles: list[Path]) -> str:
    """docs/configuration.md."""
    lines = [HEAD]
    for role in roles:
        specification = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))
        rows = table(role)
        if rows:
            words = cell(specification["argument_specs"]["main"]["short_description"]).rstrip(".")
            lines += [
                f"## {role.name}",
                "",
                f"{words}: [roles/{role.name}](../roles/{role.name}/README.md).",
                "",
                *rows,
                "",
            ]
    for name, source in read_sources(REPOSITORY).items():
        lines += [
            f"## {name}",
            "",
            f"The source {source['title']}: [integrations/{name}](../integrations/{name}/README.md).",
            "",
            *source_table(name, source),
            "",
        ]
    return "\n".join(lines)


def limits(page: Path) -> str:
    """The page of the alerts, with the table of limits between its marks."""
    role = REPOSITORY / "roles/watch"
    rows = yaml.safe_load((role / "vars/main/limits.yml").read_text(encoding="utf-8"))["watch_limits"]
    lines = ["| what | limit | setting | severity | rule of Prometheus | page |", "|---|---|---|---|---|---|"]
    for row in rows.values():
        setting, shown = row.get("setting"), ""
        if setting:
            shown = f"{standard(setting)} {row['unit']}"
        cells = [
            row["subject"],
            shown,
            f"`{setting}`" if setting else "",
            row["severity"],
            f"`{row['rule']}`" if "rule" in row else "",
            f"[{row['page'].removesuffix('.md')}]({row['page']})",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    text = "\n".join([LIMITS_BEGIN, "", *lines, "", LIMITS_END])
    marked = re.escape(LIMITS_BEGIN) + ".*?" + re.escape(LIMITS_END)
    return re.sub(marked, lambda _: text, page.read_text(encoding="utf-8"), flags=re.DOTALL)


def standard(setting: str) -> str:
    """The default of a limit in production, also where it is that of another setting."""
    defaults: dict[str, object] = {}
    for role in ("status", "watch"):
        defaults |= yaml.safe_load((REPOSITORY / f"roles/{role}/defaults/main.yml").read_text(encoding="utf-8"))
    value = str(defaults[setting])
    if other := re.search(r"\bstatus_\w+", value):
        value = str(defaults[other[0]])
    # where timers run: {{ 75 if zakaz_manages_units | bool else … }}
    found = re.search(r"\d+(\.\d+)?", value)
    return found[0] if found else value


def pages() -> dict[Path, str]:
    """Every generated page and its text."""
    # what all roles share comes first
    roles = sorted(
        (path.parents[1] for path in REPOSITORY.glob("roles/*/meta/argument_specs.yml")),
        key=lambda role: (role.name != "zakaz", role.name),
    )
    sources = read_sources(REPOSITORY)
    return {
        **{role / "README.md": readme(role) for role in roles},
        REPOSITORY / "docs/configuration.md": configuration(roles),
        **{
            REPOSITORY / f"integrations/{name}/README.md": loader_pages.readme(name, source)
            for name, source in sources.items()
        },
        REPOSITORY / "test_env/.env.template": loader_pages.template(sources),
        ALERTS: limits(ALERTS),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the pages are up to date")
    options = parser.parse_args()
    stale = {page: text for page, text in pages().items() if not page.exists() or page.read_text("utf-8") != text}
    names = ", ".join(str(page.relative_to(REPOSITORY)) for page in stale)
    if options.check:
        if stale:
            print(f"{names}: not what the settings say; run make docs.", file=sys.stderr)
        return 1 if stale else 0
    for page, text in stale.items():
        page.write_text(text, encoding="utf-8")
    print(f"written: {names or 'nothing, all are up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
