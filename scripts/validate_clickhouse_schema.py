#!/usr/bin/env python3
"""Check the ClickHouse schema before it is applied.

Prints findings and exits 1, or `Schema validation passed.` and exits 0. Exit 2: it could not be checked.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "module_utils"))

from zakaz_schema.check import check_texts  # noqa: E402
from zakaz_schema.failures import SchemaFailure  # noqa: E402
from zakaz_schema.finding_formats import FORMATS  # noqa: E402
from zakaz_schema.findings import RULES  # noqa: E402
from zakaz_schema.templates import render, role_defaults  # noqa: E402


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        help="files or directories: *.sql as they are, *.sql.j2 rendered with the role's defaults (templates/ddl)",
    )
    parser.add_argument("--format", choices=sorted(FORMATS), default="text", help="how findings are printed (text)")
    parser.add_argument("--output", type=Path, help="file to write instead of standard output")
    parser.add_argument(
        "-e", "--variable", action="append", default=[], metavar="NAME=VALUE", help="a template variable; repeatable"
    )
    parser.add_argument("--rules", action="store_true", help="list the rules and exit")
    return parser.parse_args(given)


def collected(paths: list[Path]) -> list[Path]:
    """Files in the order they are applied: by name within a directory."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(item for item in path.iterdir() if item.name.endswith((".sql", ".sql.j2")))
            if not inside:
                raise SchemaFailure(f"the directory {path} holds no *.sql or *.sql.j2 file.")
            found.extend(inside)
        elif path.is_file():
            found.append(path)
        else:
            raise SchemaFailure(f"{path} does not exist.")
    return found


def shown(path: Path) -> str:
    """The path as a reader of the repository knows it."""
    resolved = path.resolve()
    return str(resolved.relative_to(REPOSITORY) if resolved.is_relative_to(REPOSITORY) else path)


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    if options.rules:
        print("\n".join(f"{rule:28} {sentence}" for rule, sentence in RULES.items()))
        return 0
    try:
        variables = role_defaults(REPOSITORY / "roles/clickhouse_schema/defaults/main.yml")
        for pair in options.variable:
            name, equals, value = pair.partition("=")
            if not equals:
                raise SchemaFailure(f"-e {pair}: write NAME=VALUE.")
            variables[name] = value
        files: dict[str, bytes] = {}
        for path in collected(options.paths or [REPOSITORY / "templates/ddl"]):
            raw = path.read_bytes()
            if path.name.endswith(".j2"):
                # what is not UTF-8 is a finding of its own
                text = raw.decode("utf-8", "surrogateescape")
                raw = render(text, variables, shown(path)).encode("utf-8", "surrogateescape")
            files[shown(path)] = raw
        findings = check_texts(files)
    except SchemaFailure as failure:
        print(f"The schema could not be checked: {failure}", file=sys.stderr)
        return 2
    except ImportError as error:
        print(f"The schema could not be checked: {error.name} is not installed; see requirements/target.txt.",
              file=sys.stderr)  # fmt: skip
        return 2
    report = FORMATS[options.format](findings)
    if options.output:
        options.output.write_text(report + "\n", encoding="utf-8")
        print(FORMATS["text"](findings).splitlines()[-1])
    else:
        print(report)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
