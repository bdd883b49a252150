"""source.yml of a source: read, checked, and what its loader takes from the environment.

Ansible derives a deployment from it, a loader takes its defaults from it, documents show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

# Keys of source.yml and of its parts: whether each is required.
SOURCE = {
    "title": True, "kind": True, "order": True, "optional": False, "schedule": True, "page": True, "clickhouse": True,
    "environment_prefix": True, "settings": True, "services": False, "imports": False, "smoke": True,
}  # fmt: skip
CLICKHOUSE = {
    "user": True, "password": True, "rotates_as": True, "writes": True, "reads": True, "watched": True,
    "never_silent": True,
}  # fmt: skip
SETTING = {
    "description": True, "type": False, "default": False, "simulated": False, "secret": False, "required": False,
    "unless": False, "rotates_as": False, "mends": False,
}  # fmt: skip
SERVICE = {
    "description": True, "command": True, "container": True, "environment_file": True, "port": True, "health": True,
    "settings": False, "proof": False,
}  # fmt: skip
SMOKE = {"counts": True, "expect": True}
KINDS = ("sales", "advertising")
TYPES = ("str", "int", "float", "bool")


class SourceFileError(ValueError):
    """A source.yml cannot be read, or says what no source says. Its text is one sentence."""


def mapping(part: Any, where: str) -> Mapping[str, Any]:
    """Return a part of a source.yml that has names of its own.

    :raises SourceFileError: it is no mapping
    """
    if not isinstance(part, Mapping):
        raise SourceFileError(f"{where}: a mapping is expected.")
    return part


def checked(part: Any, keys: Mapping[str, bool], where: str) -> dict[str, Any]:
    """Return a part of a source.yml, if it has the keys it must have and no other.

    :param keys: key → whether it is required
    :param where: file and key, for the sentence
    :raises SourceFileError: it has not
    """
    if not isinstance(part, Mapping):
        raise SourceFileError(f"{where}: a mapping is expected, with {', '.join(keys)}.")
    unknown = sorted(set(part) - set(keys))
    missing = [key for key, required in keys.items() if required and key not in part]
    if unknown or missing:
        raise SourceFileError(
            f"{where}: "
            + "; ".join(
                ([f"unknown: {', '.join(map(str, unknown))}"] if unknown else [])
                + ([f"missing: {', '.join(missing)}"] if missing else [])
            )
            + f". Known are {', '.join(keys)}."
        )
    return dict(part)


def read_source(file: Path) -> dict[str, Any]:
    """Read and check the source.yml of a source.

    :raises SourceFileError: it cannot be read, or says what no source says
    """
    # the loader in C is seven times as fast, where the package has it
    yaml_loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(file.read_bytes(), Loader=yaml_loader)  # noqa: S506
    except (OSError, yaml.YAMLError) as error:
        raise SourceFileError(f"{file}: {' '.join(str(error).split())}") from error
    source = checked(content, SOURCE, str(file))
    source["clickhouse"] = checked(source["clickhouse"], CLICKHOUSE, f"{file}: clickhouse")
    source["smoke"] = checked(source["smoke"], SMOKE, f"{file}: smoke")
    mapping(source["smoke"]["counts"], f"{file}: smoke.counts")
    lists = {f"clickhouse.{key}": source["clickhouse"][key] for key in ("writes", "reads", "watched", "never_silent")}
    for where, part in (lists | {"smoke.expect": source["smoke"]["expect"]}).items():
        if not isinstance(part, list):
            raise SourceFileError(f"{file}: {where}: a list is expected, [] for none.")
    if not isinstance(source["order"], int):
        raise SourceFileError(f"{file}: order is a whole number.")
    if not isinstance(source.setdefault("optional", False), bool):
        raise SourceFileError(f"{file}: optional is true or false.")
    source["services"] = {
        name: checked(service, SERVICE, f"{file}: services.{name}")
        for name, service in mapping(source.get("services") or {}, f"{file}: services").items()
    }
    source["imports"] = source.get("imports") or {}
    for where, settings in [("settings", source["settings"])] + [
        (f"services.{name}.settings", service.setdefault("settings", {}))
        for name, service in source["services"].items()
    ]:
        for name, setting in mapping(settings, f"{file}: {where}").items():
            checked(setting, SETTING, f"{file}: {where}.{name}")
            if setting.get("type", "str") not in TYPES:
                raise SourceFileError(f"{file}: {where}.{name}: type is one of {', '.join(TYPES)}.")
            if "{{" in str(setting.get("default", "")):
                raise SourceFileError(
                    f"{file}: {where}.{name}: default is a plain value, without {{{{, as the loader takes it."
                )
    if source["kind"] not in KINDS:
        raise SourceFileError(f"{file}: kind is one of {', '.join(KINDS)}.")
    if source["optional"] and not needed_secrets(source):
        raise SourceFileError(f"{file}: optional: no setting is secret and required, so nothing would turn it on.")
    return source


def read_sources(repository: Path) -> dict[str, dict[str, Any]]:
    """Read every source of the repository, by name.

    :raises SourceFileError: see :func:`read_source`
    """
    return {file.parent.name: read_source(file) for file in sorted(repository.glob("integrations/*/source.yml"))}


def needed_secrets(source: Mapping[str, Any]) -> dict[str, str]:
    """The secrets without which a source cannot be loaded: its setting → the other one that does instead, or none."""
    return {
        key: str(setting.get("unless", ""))
        for key, setting in source["settings"].items()
        if setting.get("secret") and setting.get("required")
    }


def environment_name(source: Mapping[str, Any], *key: str) -> str:
    """The variable by which a loader reads a setting; that of a service has two words: the service's and its own."""
    return str(source["environment_prefix"]) + "_".join(key).upper()


def loader_settings(source: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a loader reads of its own, and those of its services, by the variable of its environment.

    :returns: variable → its setting: with ``default``, unless it must be given; with ``service``, by name, where only a
        service needs it, which asks for what it needs when it starts
    """
    found = {}
    for key, setting in source["settings"].items():
        must_be_given = setting.get("required") and "unless" not in setting
        found[environment_name(source, key)] = setting if must_be_given else {"default": ""} | setting
    for name, service in source["services"].items():
        port = {
            "description": f"Port on which the {name} answers, inside its container.",
            "type": "int",
            "default": service["port"],
        }
        for key, setting in {"port": port, **service["settings"]}.items():
            found[environment_name(source, name, key)] = {"default": "", "service": name} | setting
    return found
