"""Gives every play what it must know of the sources: settings, and what follows from integrations/*/source.yml."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.parsing.dataloader import DataLoader
from ansible.template import trust_as_template

sys.path.append(str(Path(__file__).resolve().parents[1] / "plugin_utils"))
# Ansible gives these to modules only
sys.path.append(str(Path(__file__).resolve().parents[2] / "module_utils"))

from below_inventories import REPOSITORY, BelowInventories
from source_file import SourceFileError, environment_name, needed_secrets, read_sources

DOCUMENTATION = """
name: sources
short_description: Settings of all sources and what is derived from them, for every play
description:
  - A source is a folder C(integrations/NAME) with C(source.yml). Each of its settings is a variable C(NAME_SETTING),
    with its default, below everything that an inventory says.
  - C(zakaz_source_catalogue) maps each source to what roles need of it, by the keys that L(catalogue_entry) documents.
    Which of them a deployment has is C(zakaz_sources), of which C(zakaz_source_list) leaves out what is off.
  - Needs C(precedence) of ansible.cfg to begin with C(all_plugins_play), so that it is asked first.
"""

# What every loader's image has beside its own code.
SHARED_CODE = [
    "module_utils/source_file.py",
    "module_utils/whole_file.py",
    "module_utils/zakaz_clickhouse",
    "packages/zakaz_common",
]

# What every loader writes beside its own tables: runs, watermarks, and what it could not load.
RUN_TABLES = ["meta.etl_runs", "meta.watermarks", "meta.rejected_records", "meta.degraded_fields"]


def literal(value: Any) -> str:
    """A value of source.yml as an expression of Jinja: what it says in {{ }}, or its text."""
    text = str(value)
    return text[2:-2].strip() if text.startswith("{{") and text.endswith("}}") else repr(value)


def any_given(*variables: str) -> str:
    """Whether one of some variables has a value, as an expression of Jinja; see the lookup C(given)."""
    return f"query('given', {', '.join(map(repr, variables))}) | length > 0"


def is_on(name: str, source: Mapping[str, Any]) -> str:
    """Whether an optional source of the registry is loaded, as an expression of Jinja.

    It is as soon as anything is given of the secrets it needs, or of what does instead of one. Whether that is enough
    is asked by the preflight.
    """
    needed = needed_secrets(source)
    return any_given(*dict.fromkeys(f"{name}_{key}" for key in [*needed, *needed.values()] if key))


def off_words(name: str, source: Mapping[str, Any]) -> str:
    """What people are told of an optional source that is off: the variables it waits for."""
    waits_for = [
        f"{name}_{key}" + (f" (or {name}_{instead})" if instead else "")
        for key, instead in needed_secrets(source).items()
    ]
    return f"off: set {', '.join(waits_for)} in the inventory, and make deploy loads from it"


def default_of(source: str, key: str, setting: Mapping[str, Any], optional: bool) -> Any:
    """The default of a setting's variable.

    :param source: the source's name
    :param key: the setting's
    :param optional: whether a required secret may be missing from the Vault, since what needs it may be off
    """
    real, variable = setting.get("default", ""), f"{source}_{key}"
    value = literal(real)
    if setting.get("secret"):
        strict = "zakaz_secrets_in_vault | bool"
        if "unless" in setting:
            strict += f" and not {source}_{setting['unless']}"
        needed = setting.get("required") and not optional
        value = f"vault_{variable} if {strict} else ''" if needed else f"vault_{variable} | default('')"
    if "simulated" in setting:
        value = f"{literal(setting['simulated'])} if api_sandbox_enabled | bool else ({value})"
    return real if value == literal(real) else f"{{{{ {value} }}}}"


def service_settings(name: str, service: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The settings that every service of a source has, beside its own."""
    what = str(service["description"]).split(",")[0].split(".")[0]
    return {
        "enabled": {"description": f"Whether to receive {service['description']}.", "type": "bool", "default": False},
        "publish_address": {
            "description": f"Address of this host on which the service for {what} answers; a proxy passes on to it.",
            "default": "127.0.0.1",
        },
        "port": {
            "description": f"Port of this host on which the service for {what} answers.",
            "type": "int",
            "default": service["port"],
        },
        "publish_plain_reason": {
            "description": "Why it may answer in plain on another address than the loopback; without a reason that is "
            "refused. Example: the TLS proxy is another host of this VLAN",
            "default": "",
        },
        "container": {
            "description": f"Name of the container of the service for {what}.",
            "default": "{{ zakaz_name }}-" + service["container"],
        },
    }


def settings_of(name: str, source: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """All variables of a source, in the order in which documents show them.

    :param name: its folder
    :param source: from :func:`source_file.read_source`
    :returns: variable → its setting, with ``environment`` where the loader reads it
    """
    found = {
        f"{name}_{key}": setting | {"environment": environment_name(source, key), "default": setting.get("default", "")}
        for key, setting in source["settings"].items()
    }
    found |= {
        f"{name}_schedule": {
            "description": "When the loader runs, as OnCalendar of systemd.",
            "default": source["schedule"],
        },
        f"{name}_run_now": {"description": "Run once at the end of the deployment.", "type": "bool", "default": True},
        f"{name}_environment": {
            "description": f"Further settings of the loader, by the names in integrations/{name}/README.md. "
            "Example: {LOADER_LOG_LEVEL: debug}",
            "type": "dict",
            "default": {},
        },
    }
    for service_name, service in source["services"].items():
        for key, setting in (service_settings(service_name, service)).items():
            found[f"{name}_{service_name}_{key}"] = setting
        for key, setting in service["settings"].items():
            found[f"{name}_{service_name}_{key}"] = setting | {
                "environment": environment_name(source, service_name, key),
                "default": setting.get("default", ""),
            }
    return found


def argument_spec(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The settings of a source as Ansible checks arguments."""
    return {
        name: {"type": setting.get("type", "str")} | ({"no_log": True} if setting.get("secret") else {})
        for name, setting in settings.items()
    }


def rotation(setting: Mapping[str, Any], variable: str, files: dict[str, str], **more: str) -> dict[str, Any]:
    """How `make rotate` changes a secret: see rotate_catalogue of the role rotate."""
    return {setting["rotates_as"]: {"variable": variable, **more, "files": files}}


def catalogue_entry(name: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """What roles need of a source; values with {{ }} are rendered where they are used.

    ``slug`` names its units and command, ``image`` its image and ``build`` what that is made of, ``environment`` what
    its loader reads (and ``environment_more`` what the operator adds), ``clickhouse_user`` its user with its grants,
    ``credentials`` what must not be empty, ``rotates`` its secrets, ``services`` what it runs beside the loader,
    ``mends`` the variables to look at when it refuses its settings, ``argument_spec`` the types of its variables,
    ``is_on`` whether one of the registry is loaded, and ``off_words`` what people are told of one that is not.
    """
    slug = "{{ zakaz_name }}-" + name.replace("_", "-")
    clickhouse = source["clickhouse"]
    settings = settings_of(name, source)
    variable = {key: f"{name}_{key}" for key in source["settings"]}
    common = {
        "CLICKHOUSE_HOST": "{{ clickhouse_loader_environment.CLICKHOUSE_HOST }}",
        "CLICKHOUSE_PORT": "{{ clickhouse_loader_environment.CLICKHOUSE_PORT }}",
        "CLICKHOUSE_SECURE": "{{ clickhouse_loader_environment.CLICKHOUSE_SECURE }}",
        "CLICKHOUSE_USER": clickhouse["user"],
        "CLICKHOUSE_PASSWORD": f"{{{{ {clickhouse['password']} }}}}",
    }
    own = {settings[one]["environment"]: f"{{{{ {one} }}}}" for one in variable.values()}
    # every service reads what its loader reads
    files = [f"{name}.env", *(service["environment_file"] for service in source["services"].values())]
    rotates = {
        clickhouse["rotates_as"]: {
            "variable": clickhouse["password"],
            "user": clickhouse["user"],
            "loader": name,
            "files": dict.fromkeys(files, "CLICKHOUSE_PASSWORD"),
        }
    }
    credentials = {clickhouse["password"]: f"{{{{ {any_given(clickhouse['password'])} }}}}"}
    for key, setting in source["settings"].items():
        one = variable[key]
        if "rotates_as" in setting:
            rotates |= rotation(setting, one, dict.fromkeys(files, settings[one]["environment"]), loader=name)
        if setting.get("required"):
            instead = [variable[setting["unless"]]] if "unless" in setting else []
            credentials[one] = f"{{{{ {any_given(one, *instead)} }}}}"
    services = {}
    for service_name, service in source["services"].items():
        prefix = f"{name}_{service_name}"
        service_environment = {environment_name(source, service_name, "port"): service["port"]}
        for key, setting in service["settings"].items():
            one = f"{prefix}_{key}"
            service_environment[settings[one]["environment"]] = f"{{{{ {one} }}}}"
            if "rotates_as" in setting:
                places = {service["environment_file"]: settings[one]["environment"]}
                rotates |= rotation(setting, one, places, service=prefix)
            if setting.get("required"):
                credentials[one] = f"{{{{ {any_given(one)} or not {prefix}_enabled | bool }}}}"
        services[service_name] = {
            "name": prefix,
            "title": str(service["description"]).split(",")[0],
            "source": name,
            "command": service["command"],
            "health": service["health"],
            "inner_port": service["port"],
            "environment_file": f"{{{{ zakaz_dir }}}}/{service['environment_file']}",
            "environment": service_environment,
            "proof": service.get("proof", {}),
            # for the preflight: the port that must be free, and what is wrong with the address
            "published": {
                "address": f"{{{{ {prefix}_publish_address | published_on }}}}",
                "port": f"{{{{ {prefix}_port }}}}",
                "container": f"{{{{ {prefix}_container }}}}",
                "variable": f"{prefix}_port",
                "address_variable": f"{prefix}_publish_address",
            },
            "address_problem": f"{{{{ {prefix}_publish_address | publish_problem('{prefix}_publish_address', "
            f"'{prefix}_publish_plain_reason', {prefix}_publish_plain_reason) }}}}",
            **{key: f"{{{{ {prefix}_{key} }}}}" for key in service_settings(service_name, service)},
        }
    return {
        "name": name,
        "title": source["title"],
        "kind": source["kind"],
        "order": source["order"],
        "page": source["page"],
        "is_on": f"{{{{ {is_on(name, source)} }}}}" if source["optional"] else True,
        "off_words": off_words(name, source) if source["optional"] else "",
        "slug": slug,
        "command": "{{ zakaz_dir }}/" + slug,
        "environment_file": f"{{{{ zakaz_dir }}}}/{name}.env",
        "ended_file": f"{{{{ zakaz_dir }}}}/{name}.ended.json",
        "volume": slug + "-state",
        # of a source that is not of this deployment none is built
        "image": f"{{{{ container_images_refs.{name} | default('') }}}}",
        "build": {
            "paths": [*SHARED_CODE, f"integrations/{name}"],
            "lock": "requirements/loader.txt",
            "args": {},
        },
        "base_url": f"{{{{ {name}_base_url }}}}",
        "schedule": f"{{{{ {name}_schedule }}}}",
        "run_now": f"{{{{ {name}_run_now }}}}",
        "environment": common | own,
        "environment_more": f"{{{{ {name}_environment }}}}",
        "clickhouse_user": {
            "name": clickhouse["user"],
            "password": f"{{{{ {clickhouse['password']} }}}}",
            "profile": "loader",
            "access_management": False,
            "grants": [f"GRANT SELECT, INSERT ON {table}" for table in [*clickhouse["writes"], *RUN_TABLES]]
            + [f"GRANT SELECT ON {table}" for table in clickhouse["reads"]],
        },
        "watched": clickhouse["watched"],
        "never_silent": clickhouse["never_silent"],
        "credentials": credentials,
        "rotates": rotates,
        "services": services,
        "imports": source["imports"],
        # what is most often wrong comes first
        "mends": sorted(
            (variable[key] for key, setting in source["settings"].items() if setting.get("mends")),
            key=lambda one: not settings[one].get("secret"),
        ),
        "smoke": source["smoke"],
        "argument_spec": argument_spec(settings) | {clickhouse["password"]: {"type": "str", "no_log": True}},
    }


def trusted(value: Any) -> Any:
    """Let Ansible render what is written in {{ }}, however deep."""
    if isinstance(value, str):
        return trust_as_template(value) if "{{" in value else value
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return value


def variables_of(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What every play knows: each setting with its default, and the catalogue."""
    variables: dict[str, Any] = {}
    for name, source in sources.items():
        services = tuple(f"{service}_" for service in source["services"])
        for one, setting in settings_of(name, source).items():
            key = one.removeprefix(f"{name}_")
            variables[one] = default_of(name, key, setting, source["optional"] or key.startswith(services))
        password, user = source["clickhouse"]["password"], source["clickhouse"]["user"]
        file = f"zakaz_secrets_dir ~ '/clickhouse_{user}'"
        # of a source that is off neither asked for nor generated
        off = f"'' if not ({is_on(name, source)}) else " if source["optional"] else ""
        variables[password] = (
            f"{{{{ {off}vault_{password} if zakaz_secrets_in_vault | bool "
            f"else lookup('ansible.builtin.password', {file}, **clickhouse_generated_password) }}}}"
        )
    variables["zakaz_source_catalogue"] = {name: catalogue_entry(name, source) for name, source in sources.items()}
    return {name: trusted(value) for name, value in variables.items()}


class VarsModule(BelowInventories):
    """Entry point for Ansible."""

    def offered(self, loader: DataLoader) -> dict[str, Any]:
        """Settings of all sources, and what is derived from them."""
        try:
            return variables_of(read_sources(REPOSITORY))
        except SourceFileError as error:
            raise AnsibleParserError(str(error)) from error
