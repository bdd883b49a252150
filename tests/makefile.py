"""The Makefile's targets, as make itself knows them."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


@cache
def targets() -> set[str]:
    """Every target a person can name, helpers included."""
    done = subprocess.run(
        ["make", "--print-data-base", "--question", "--no-builtin-rules", "--no-builtin-variables", "help"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    blocks = [block for block in done.stdout.split("\n\n") if "# Not a target" not in block]
    return set(re.findall(r"^([a-z][a-z0-9_-]*):(?!=)", "\n".join(blocks), flags=re.MULTILINE))


@cache
def verbs() -> dict[str, str]:
    """The targets `make help` lists, with what it says of them."""
    lines = (REPOSITORY / "Makefile").read_text(encoding="utf-8").splitlines()
    found = (re.match(r"([a-z-]+):.*## (.+)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


@cache
def operator_verbs() -> list[str]:
    """The verbs that act on a deployment: the Makefile's section of operators."""
    text = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    section = text.partition("\n## Operators\n")[2].partition("\n## Developers\n")[0]
    return re.findall(r"^([a-z-]+):.*## ", section, flags=re.MULTILINE)
