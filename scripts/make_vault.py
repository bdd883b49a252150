#!/usr/bin/env python3
"""Make the Vault of an inventory: every secret by its name, ClickHouse's passwords generated, the rest to be filled in.

Those of an optional source may stay empty: it is off until they are filled in. A Vault that is there is left as it is;
the names it lacks are told. What is written was encrypted before.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "module_utils"))

from source_file import needed_secrets, read_sources  # noqa: E402

VAULT = str(Path(sys.executable).parent / "ansible-vault")
HEAD = """\
# Edit with: .venv/bin/ansible-vault edit {file}
# Keep the quotes. Printable ASCII without blanks at the ends; before a value with {{{{, {{% or {{# write !unsafe:
# !unsafe "a{{{{b"
"""


def of_source(folder: str, source: Mapping[str, Any]) -> dict[str, str]:
    """Map each secret that a source needs to what it is, see :func:`names`."""
    found = {f"vault_{source['clickhouse']['password']}": ""}
    for key in needed_secrets(source):
        found[f"vault_{folder}_{key}"] = f"{source['title']}: {source['settings'][key]['description']}"
    return found


def names(repository: Path = REPOSITORY) -> dict[str, str]:
    """Map each secret that a deployment needs to what it is: an empty text for a password that can be generated."""
    found = {}
    for defaults in sorted(repository.glob("roles/*/defaults/**/*.yml")):
        for name in re.findall(r"\b(vault_\w+) if zakaz_secrets_in_vault", defaults.read_text(encoding="utf-8")):
            found[name] = ""
    for folder, source in read_sources(repository).items():
        if not source["optional"]:
            found |= of_source(folder, source)
    # what is generated comes first
    return dict(sorted(found.items(), key=lambda entry: bool(entry[1])))


def optional_names(repository: Path = REPOSITORY) -> dict[str, dict[str, str]]:
    """Map each optional source, by its title, to the secrets that it needs when it is used, see :func:`names`."""
    sources = read_sources(repository).items()
    return {source["title"]: of_source(folder, source) for folder, source in sources if source["optional"]}


def text(file: Path, wanted: Mapping[str, str], optional: Mapping[str, Mapping[str, str]]) -> str:
    """A Vault with all names, not yet encrypted."""
    lines = [HEAD.format(file=file), *entries(wanted)]
    for title, secrets_of_it in optional.items():
        lines += [f"\n# Optional: {title} is off until its secrets are filled in.\n", *entries(secrets_of_it)]
    return "".join(lines)


def entries(wanted: Mapping[str, str]) -> list[str]:
    """Secrets as lines of a Vault."""
    lines = []
    for name, what in wanted.items():
        if what:
            lines += [f"\n# {what}\n", f'{name}: ""\n']
        else:
            lines.append(f"{name}: {json.dumps(secrets.token_hex(24))}\n")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the Vault, such as inventories/production/group_vars/zakaz/vault.yml")
    parser.add_argument("options", nargs="*", help="for ansible-vault, such as --ask-vault-pass")
    options, more = parser.parse_known_args()
    wanted, optional, more = names(), optional_names(), [*options.options, *more]
    if options.file.exists():
        return tell_missing(options.file, wanted, optional, more)
    options.file.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [VAULT, "encrypt", *more, "--output", str(options.file), "-"],
        input=text(options.file, wanted, optional), text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print(
            f"{options.file} was not made: name the file of its password in ANSIBLE_VAULT_PASSWORD_FILE.",
            file=sys.stderr,
        )
        return done.returncode
    empty = [name for name, what in wanted.items() if what]
    print(
        f"{options.file} is made and encrypted; the passwords of ClickHouse are generated. Fill in {', '.join(empty)}:"
    )
    print(f"  .venv/bin/ansible-vault edit {options.file}")
    for title, secrets_of_it in optional.items():
        print(f"Optional, {title} is off without: {', '.join(name for name, what in secrets_of_it.items() if what)}.")
    return 0


def tell_missing(
    file: Path, wanted: Mapping[str, str], optional: Mapping[str, Mapping[str, str]], more: list[str]
) -> int:
    """Say which names a Vault lacks, and which it may; its values are not shown."""
    content = file.read_text(encoding="utf-8")
    if content.startswith("$ANSIBLE_VAULT;"):
        done = subprocess.run([VAULT, "view", *more, str(file)], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            print(f"{file} is there already, and could not be opened to see whether it has all names.", file=sys.stderr)
            return done.returncode
        content = done.stdout
    has = set(re.findall(r"^(\w+)\s*:", content, re.MULTILINE))
    for title, secrets_of_it in optional.items():
        if absent := [name for name in secrets_of_it if name not in has]:
            print(f"{file} may also have {', '.join(absent)}: {title} is optional, and off without.")
    lacking = [name for name in wanted if name not in has]
    if not lacking:
        print(f"{file} is there and has all names; nothing was done.")
        return 0
    print(f"{file} is there and lacks {', '.join(lacking)}. Add them:", file=sys.stderr)
    print(f"  .venv/bin/ansible-vault edit {file}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
