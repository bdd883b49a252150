"""What integrations/*/source.yml says, for tests that hold for any source."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from source_file import read_sources
from vars.sources import catalogue_entry, settings_of, variables_of

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


def first_of(kind: str) -> str:
    """The first source of this kind that every deployment has: what a test takes that needs some one."""
    return next(name for name in ENABLED if SOURCES[name]["kind"] == kind and not SOURCES[name]["optional"])


SALES, ADVERTISING = first_of("sales"), first_of("advertising")


def unit_of(source: str, deployment: str = "zakaz") -> str:
    """What its units and its command are called, and its volume begins with, in a deployment of this name."""
    return CATALOGUE[source]["slug"].replace("{{ zakaz_name }}", deployment)


def services() -> list[tuple[str, str, dict[str, Any]]]:
    """Every service that some source runs beside its loader: the source, the service's name, what source.yml says."""
    return [(source, name, service) for source, said in SOURCES.items() for name, service in said["services"].items()]


def service_secrets(source: str, service: str) -> list[str]:
    """The variables of the secrets that a service has of its own."""
    settings = SOURCES[source]["services"][service]["settings"]
    return [f"{source}_{service}_{key}" for key, setting in settings.items() if setting.get("secret")]


def services_on(first_port: int) -> dict[str, Any]:
    """Settings that turn on all that sources run beside their loaders, each at a port of its own."""
    settings: dict[str, Any] = {}
    for number, (source, name, _) in enumerate(services()):
        settings |= {f"{source}_{name}_enabled": True, f"{source}_{name}_port": first_port + number}
        settings |= dict.fromkeys(service_secrets(source, name), f"ci-{name}-secret")
    return settings


def rotations(source: str) -> dict[str, str]:
    """The secrets of a source that `make rotate` changes, beside the password of its loader: name → variable."""
    password = SOURCES[source]["clickhouse"]["rotates_as"]
    return {name: entry["variable"] for name, entry in CATALOGUE[source]["rotates"].items() if name != password}


def whole_number_of(source: str) -> dict[str, Any]:
    """The first setting of a source that is a whole number, with the name that its loader reads it by."""
    return next(one for one in SETTINGS[source].values() if one.get("type") == "int" and "environment" in one)


def required_secrets(source: str) -> list[str]:
    """The variables of the secrets without which a source cannot be loaded."""
    return [
        f"{source}_{key}"
        for key, setting in SOURCES[source]["settings"].items()
        if setting.get("secret") and setting.get("required")
    ]


# what turns on those of the registry that are off without it
TURNED_ON = {secret: "given" for name in ENABLED if SOURCES[name]["optional"] for secret in required_secrets(name)}


def defaults(role: str) -> dict[str, Any]:
    """A role's defaults, not rendered."""
    return yaml.safe_load((REPOSITORY / f"roles/{role}/defaults/main.yml").read_text(encoding="utf-8"))


def rotate_catalogue(sources: Iterable[str] = ENABLED) -> dict[str, dict[str, Any]]:
    """What can be rotated, as the role rotate has it in a deployment of these sources."""
    return defaults("rotate")["rotate_own"] | {
        name: entry for source in sources for name, entry in CATALOGUE[source]["rotates"].items()
    }
