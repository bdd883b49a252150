"""What integrations/*/source.yml says, for tests that hold for any source."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from vars.sources import catalogue_entry, read_sources, settings_of, variables_of

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = read_sources(REPOSITORY)
CATALOGUE = {name: catalogue_entry(name, source) for name, source in SOURCES.items()}
# every variable of every source, with its default
VARIABLES = {name: value for name, value in variables_of(SOURCES).items() if name != "zakaz_source_catalogue"}
SETTINGS = {name: settings_of(name, source) for name, source in SOURCES.items()}
# the registry: which of them a deployment has by default
ENABLED: list[str] = yaml.safe_load((REPOSITORY / "roles/zakaz/defaults/main/sources.yml").read_text(encoding="utf-8"))[
    "zakaz_sources"
]


def defaults(role: str) -> dict[str, Any]:
    """A role's defaults, not rendered."""
    return yaml.safe_load((REPOSITORY / f"roles/{role}/defaults/main.yml").read_text(encoding="utf-8"))


def rotate_catalogue(sources: Iterable[str] = ENABLED) -> dict[str, dict[str, Any]]:
    """What can be rotated, as the role rotate has it in a deployment of these sources."""
    return defaults("rotate")["rotate_own"] | {
        name: entry for source in sources for name, entry in CATALOGUE[source]["rotates"].items()
    }
