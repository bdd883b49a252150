"""The data model's page is the catalogue's, and the BI contract names the columns that the views have."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.makefile import REPOSITORY


def columns(page: str, level: str = "### ") -> dict[str, list[str]]:
    """Object → names in the first column of its table, in order."""
    found: dict[str, list[str]] = {}
    for part in (REPOSITORY / "docs" / page).read_text(encoding="utf-8").split(f"\n{level}")[1:]:
        name = part.split("\n")[0].strip()
        found[name] = re.findall(r"^\| `(\w+)` \|", part, flags=re.MULTILINE)
    return found


def test_the_page_is_what_the_templates_say():
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "scripts/document_schema.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_contract_names_every_view_and_its_columns_in_order():
    views = {name: names for name, names in columns("data-model.md").items() if name.startswith("bi.")}
    contract = {name: names for name, names in columns("bi-datalens.md").items() if name.startswith("bi.")}
    assert contract == views
