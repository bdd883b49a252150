#!/usr/bin/env python3
"""Write docs/data-model.md: every table and view, as the engine's catalogue has them after the templates are applied.

`--check` writes nothing and exits 1 when the page is not what it would be.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "module_utils"))

from zakaz_schema.catalogue import Catalogue, CatalogueObject  # noqa: E402
from zakaz_schema.scratch import replay, replay_with  # noqa: E402
from zakaz_schema.statements import split_statements  # noqa: E402
from zakaz_schema.templates import rendered_schema, role_defaults  # noqa: E402

PAGE = REPOSITORY / "docs/data-model.md"
TEMPLATES = REPOSITORY / "templates/ddl"
LAYERS = {
    "bi": (
        "bi: what dashboards read",
        "The contract: names, columns and types stay. How to connect: [bi-datalens.md](bi-datalens.md).",
    ),
    "dm": ("zakaz: marts", "Recomputed by the loaders for the days they touched; read with `FINAL`, or through `bi`."),
    "dim": ("zakaz: dimensions", "One row a thing; read with `FINAL`."),
    "stg": ("zakaz: staging", "What the sources hold, without personal data; read with `FINAL`."),
    "meta": ("meta: operations", "Runs, watermarks, alerts, backups, and what could not be loaded."),
}
HEAD = """\
# Data model

Made from the engine's own catalogue by `make docs`; do not edit. Comments of tables and columns are the catalogue's, in
Russian, as BI tools show them. Where a statement lives, and how to change it:
[templates/ddl](../templates/ddl/README.md).

- Days are Moscow days, times are Moscow times. Money is `Decimal(18, 2)` in roubles, advertising net of VAT.
- `_ver` decides which version of a row counts, `_is_deleted = 1` hides it, `_loaded_at` says when it was loaded. They
  are in every staging table, dimension and mart, and left out below.
- ROAS = revenue / spend, ROMI = (revenue − spend) / spend, CPC = spend / clicks, CPT = spend / tickets; NULL where the
  divisor is 0. Over several rows: a ratio of sums, never an average of ratios.

```mermaid
flowchart LR
"""
SERVICE = {"_ver", "_is_deleted", "_loaded_at", "_row_hash"}


def live_catalogue() -> Catalogue:
    """The catalogue of a throw-away engine that the rendered templates were applied to."""
    variables = role_defaults(REPOSITORY / "roles/clickhouse_schema/defaults/main.yml")
    texts = rendered_schema(TEMPLATES, variables)
    statements = [statement for name, text in texts.items() for statement in split_statements(text, name)]
    sources = REPOSITORY / "services/clickhouse_embedded/src"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(sources), os.environ.get("PYTHONPATH")]))
    return replay(statements, replay_with([sys.executable, "-m", "clickhouse_embedded", "local", "--multiquery"]))


def layer_of(name: str) -> str:
    """Which section an object stands in."""
    database, _, table = name.partition(".")
    if database != "zakaz":
        return database
    prefix = "dim" if table == "v_cities" else table.split("_")[0]
    return prefix if prefix in ("dim", "stg") else "dm"


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def section(item: CatalogueObject) -> list[str]:
    """Heading, comment, keys and columns of one object."""
    lines = [f"### {item.name}", "", cell(item.comment) or "—", ""]
    facts = []
    if item.kind == "view":
        sources = sorted(set(re.findall(r"\b(?:zakaz|bi|meta)\.\w+", item.select)))
        facts.append("view on " + ", ".join(f"[{name}](#{anchor(name)})" for name in sources))
    else:
        facts.append(f"{item.parts.engine.split('(')[0]}, one row a `({item.sorting})`")
        if item.parts.partition:
            facts.append(f"partitioned by `{item.parts.partition}`")
        if item.parts.ttl:
            facts.append("rows leave by TTL")
    lines += ["; ".join(facts) + ".", ""]
    commented = any(column.comment for column in item.columns)
    lines += ["| column | type | meaning |", "|---|---|---|"] if commented else ["| column | type |", "|---|---|"]
    for column in item.columns:
        if column.name not in SERVICE or item.kind == "view":
            meaning = f" {cell(column.comment)} |" if commented else ""
            lines.append(f"| `{column.name}` | `{cell(column.type)}` |{meaning}")
    return [*lines, ""]


def anchor(name: str) -> str:
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")


def flow(catalogue: Catalogue) -> list[str]:
    """Views and what they read, as a Mermaid graph."""
    lines = []
    for name, item in sorted(catalogue.objects.items()):
        if item.kind == "view":
            for source in sorted(set(re.findall(r"\b(?:zakaz|bi|meta)\.\w+", item.select))):
                lines.append(f"    {source.replace('.', '_')}[{source}] --> {name.replace('.', '_')}[{name}]")
    return lines


def page(catalogue: Catalogue) -> str:
    """The whole page."""
    lines = [HEAD.rstrip("\n"), *flow(catalogue), "```", ""]
    for layer, (title, words) in LAYERS.items():
        lines += [f"## {title}", "", words, ""]
        for name, item in sorted(catalogue.objects.items()):
            if layer_of(name) == layer:
                lines += section(item)
    return "\n".join(lines).rstrip("\n") + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the page is up to date")
    options = parser.parse_args()
    text = page(live_catalogue())
    if options.check:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            print("docs/data-model.md is not what templates/ddl says: run make docs.", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    print(f"{PAGE.relative_to(REPOSITORY)}: {len(text.splitlines())} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
