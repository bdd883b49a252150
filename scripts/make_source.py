#!/usr/bin/env python3
"""Write a new source from templates/source: its loader with tests, its part of the simulator, its table.

    make source NAME=box_office KIND=sales

Files of the templates stand where they will stand in the repository; `NAME`, `TABLE` and `NUMBER` in their paths and
what stands between << >> in their text are filled in, and one whose text is empty makes no file. Nothing that exists
is written over, and a failure takes back what was written.
"""

from __future__ import annotations

import argparse
import importlib.util
import keyword
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "module_utils"))

from source_file import KINDS, read_sources  # noqa: E402

TEMPLATES = REPOSITORY / "templates/source"


def problem(name: str) -> str:
    """Why no new source can have this name; empty when it can."""
    if not name:
        return "name the source: make source NAME=box_office, and KIND=advertising for one of advertising"
    if not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        return (
            "it is also a Python package: lower-case Latin letters and digits, with _ between words, such as box_office"
        )
    if (REPOSITORY / "integrations" / name).exists():
        return f"integrations/{name} is there already"
    taken = [
        *(REPOSITORY / "roles").glob(name),
        *(REPOSITORY / "module_utils").glob(f"{name}*"),
        *REPOSITORY.glob(f"*/*/src/{name}"),
        *REPOSITORY.glob(f"services/*/src/*/{name}"),
        *REPOSITORY.glob(f"templates/ddl/*_zakaz.stg_{name}_*"),
    ]
    if taken:
        return f"{taken[0].relative_to(REPOSITORY)} has that name; take another"
    if importlib.util.find_spec(name):
        return f"a Python package {name} exists, and one would hide the other; take another"
    # variables of the environment and of Ansible begin with it: none may be another's
    for other, source in read_sources(REPOSITORY).items():
        theirs = str(source["environment_prefix"])
        if theirs.startswith(f"{name.upper()}_") or f"{name.upper()}_".startswith(theirs):
            return f"its variables would begin with {name.upper()}_, those of {other} with {theirs}; take another"
        if source["clickhouse"]["user"] == f"loader_{name}":
            return f"loader_{name} is the ClickHouse user of {other}; take another"
    settings = "".join(path.read_text(encoding="utf-8") for path in REPOSITORY.glob("roles/*/defaults/**/*.yml"))
    for variable in (f"clickhouse_{name}_", f"{name}_"):
        if re.search(rf"^{variable}", settings, re.MULTILINE):
            return f"a role has variables that begin with {variable}; take another"
    return ""


def words(name: str, kind: str) -> dict[str, Any]:
    """What the templates call by a word."""
    advertising = kind == "advertising"
    numbers = [int(path.name[:3]) for path in (REPOSITORY / "templates/ddl").glob("1??_*.sql.j2")]
    number = (max(numbers) // 10 + 1) * 10
    return {
        "name": name,
        "kind": kind,
        "advertising": advertising,
        "title": name.replace("_", " ").capitalize(),
        "class": "".join(map(str.capitalize, name.split("_"))),
        "prefix": name.upper(),
        "dashed": name.replace("_", "-"),
        "dataset": "statistics" if advertising else "sales",
        "table": f"stg_{name}_daily" if advertising else f"stg_{name}_sales",
        # room for its further tables, as long as the layer has it
        "number": number if number < 200 else max(numbers) + 1,
        "order": max(source["order"] for source in read_sources(REPOSITORY).values()) + 10,
    }


def rendered(known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(path in the repository, text) of every file."""
    environment = Environment(  # noqa: S701 - no HTML
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True,
        trim_blocks=True, lstrip_blocks=True, block_start_string="<%", block_end_string="%>",
        variable_start_string="<<", variable_end_string=">>", comment_start_string="<#", comment_end_string="#>",
    )  # fmt: skip
    for template in sorted(environment.list_templates(["j2"])):
        text = environment.get_template(template).render(known)
        if text.strip() or template.endswith("__init__.py.j2"):
            path = template.removesuffix(".j2").replace("NAME", known["name"]).replace("TABLE", known["table"])
            yield path.replace("NUMBER", str(known["number"])), text


def write(known: Mapping[str, Any]) -> list[str]:
    """Write the source; what was written. A failure leaves nothing of it."""
    made: list[Path] = []
    names: list[str] = []
    try:
        for name, text in list(rendered(known)):
            target = REPOSITORY / name
            if not target.parent.exists():
                made.append(next(path for path in reversed(target.parents) if not path.exists()))
                target.parent.mkdir(parents=True)
            with target.open("x", encoding="utf-8") as file:
                made.append(target)
                file.write(text)
            names.append(name)
        # imports in order and lines in length depend on the name
        for command in (["check", "--select", "I", "--fix"], ["format"]):
            ruff = [str(Path(sys.executable).parent / "ruff"), *command, "--no-cache", "--quiet"]
            subprocess.run([*ruff, *(name for name in names if name.endswith(".py"))], cwd=REPOSITORY, check=True)
    except BaseException:
        for path in reversed(made):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        raise
    return names


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="its folder in integrations")
    parser.add_argument("kind", help=f"one of {', '.join(KINDS)}")
    options = parser.parse_args()
    name, kind = options.name, options.kind
    wrong = problem(name) or (f"KIND={kind} is none: say one of {', '.join(KINDS)}" if kind not in KINDS else "")
    if wrong:
        print(f"make source: {name or 'NAME is empty'}: {wrong}. Nothing was written.", file=sys.stderr)
        return 2
    known = words(name, kind)
    print("written:", *write(known), sep="\n  ")
    print(f"""
next, with docs/adding-a-source.md beside you:
  1. make unit-{name}: its suite, against its part of the simulator
  2. say how the real API answers: client.py, records.py and transform.py in integrations/{name}/src/{name}, the table
     in templates/ddl, and the same of the simulator, services/api_sandbox/src/api_sandbox/{name}/routes.py
  3. add {name} to zakaz_sources in roles/zakaz/defaults/main/sources.yml, and make deploy""")
    return 0


if __name__ == "__main__":
    sys.exit(main())
