"""What is in the registry reaches everything that must know of it, and what is not in it reaches nothing.

A source too many is made of one that is there; the roles of this repository then render what they would use on a host.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from source_file import read_sources

from tests.makefile import REPOSITORY
from tests.sources import ENABLED, SOURCES, TURNED_ON, required_secrets

BIN = REPOSITORY / ".venv/bin"
THIRD = "box_office"
REGISTRY = "roles/zakaz/defaults/main/sources.yml"

SETTINGS_OF_THE_WATCH = "(lookup('rendered', zakaz_repository ~ '/roles/watch/templates/settings.json.j2') | from_json)"

# What each consumer works with, and what stands in it of every source: see `words`.
REACHES = {
    "schedules": {"__schedules_every": ["{slug}"]},
    "upgrade": {
        "__upgrade_loaders": ["{name}"],
        "__upgrade_files": [
            "/opt/zakaz/{name}.env",
            "/opt/zakaz/{slug}",
            "/etc/systemd/system/{slug}.timer",
            "/etc/systemd/system/{slug}.service",
            "/opt/zakaz/{service_file}",
        ],
        "zakaz_services | map(attribute='container') | list": ["zakaz-{service}"],
    },
    "backup": {"__backup_settings.state_volumes.items() | map('join', ' ') | list": ["{name} {slug}-state"]},
    "status": {
        "__status_loaders.items() | map('join', ' ') | list": ["{name} /opt/zakaz/{slug}"],
        "__watch_services.values() | list": ["{slug}"],
        "watch_look.notes": ["{name}"],
        "watch_look.timers": ["{slug}"],
        "watch_look.files": ["/opt/zakaz/{name}.env", "/opt/zakaz/{service_file}"],
        "watch_look.containers": ["zakaz-{service}"],
    },
    "watch": {
        f"{SETTINGS_OF_THE_WATCH}.loaders.items() | map('join', ' ') | list": ["{name} {slug}"],
        f"{SETTINGS_OF_THE_WATCH}.metric_files.items() | map('join', ' ') | list": [
            "{name} /v/{slug}-state/_data/{name}.prom"
        ],
        "watch_silent_tables": ["{table}"],
    },
    "alerts": {"alerts_pages | list": ["{dashed}"]},
    "rotate": {
        "rotate_catalogue | list": ["{rotates}", "{service_rotates}"],
        # one at a time: they share ClickHouse's file of users
        "rotate_catalogue | select('search', __rotate_shared) | list": ["{rotates}"],
        "__rotate_places.values() | list": ["/opt/zakaz/{name}.env", "/opt/zakaz/{service_file}"],
        # the embedded ClickHouse restarts for a password of BI
        "__rotate_held": ["{name}"],
    },
    "preflight": {
        "zakaz_source_list | map(attribute='credentials') | map('list') | flatten": ["{secret}"],
        "__preflight_ports | map(attribute='container') | list": ["zakaz-{service}"],
        "__preflight_problems | join(' ')": ["{service_address}"],
    },
    "smoke": {
        "__smoke_names": ["'{name}'"],
        "lookup('rendered', zakaz_repository ~ '/roles/smoke/templates/rows.sql.j2')": [" AS {count},"],
        "__smoke_expected": ["{expected}", "loaders_succeeded = {number} OR first_load_goes_on"],
    },
    "summary": {
        "__summary_timers | map('first') | list": ["{slug}"],
        "__summary_volumes": ["{slug}-state"],
    },
    "container_images": {"container_images_wanted": ["{name}"], "container_images_catalogue | list": ["{name}"]},
    "clickhouse": {"clickhouse_users | map(attribute='name') | list": ["{user}"]},
}


def third_of(source: dict[str, Any]) -> dict[str, Any]:
    """A source of other names, with a service of its own, made of one that is there."""
    third = json.loads(json.dumps(source))
    third |= {"title": "Box office", "order": 30, "environment_prefix": "BOX_OFFICE_", "imports": {}, "optional": False}
    third["clickhouse"] |= {
        "user": "loader_box_office",
        "password": "clickhouse_box_office_password",
        "rotates_as": "clickhouse_box_office",
        "never_silent": ["zakaz.stg_box_office"],
    }
    third["settings"] = {
        "base_url": {"description": "Where.", "default": "https://example.org", "simulated": "http://api-sandbox:8080"},
        "token": {"description": "Who.", "secret": True, "required": True, "rotates_as": "box_office_token"},
    }
    third["services"] = {
        "bell": {
            "description": "calls", "command": ["bell"], "container": "box-office-bell", "health": "/",
            "environment_file": "box_office_bell.env", "port": 8099,
            "settings": {"key": {"description": "Key.", "secret": True, "rotates_as": "box_office_bell"}},
        }
    }  # fmt: skip
    third["smoke"] = {"counts": {"box_rows": "SELECT 1"}, "expect": ["box_rows > 0"]}
    return third


def repository_with(copy: Path, **more: dict[str, Any]) -> Path:
    """This one in a folder, with further sources, which stand in the registry."""
    for part in ("ansible.cfg", "inventories", "library", "module_utils", "playbooks", "plugins", "roles", "templates",
                 "packages", "requirements", "scripts"):  # fmt: skip
        whole = REPOSITORY / part
        shutil.copytree(whole, copy / part) if whole.is_dir() else shutil.copy(whole, copy / part)
    for name in SOURCES:
        (copy / "integrations" / name).mkdir(parents=True)
        for file in [
            *(REPOSITORY / "integrations" / name).glob("*.yml"),
            *(REPOSITORY / "integrations" / name).glob("*.sql"),
        ]:
            shutil.copy(file, copy / "integrations" / name)
    for name, source in more.items():
        (copy / "integrations" / name).mkdir()
        (copy / "integrations" / name / "source.yml").write_text(yaml.safe_dump(source, sort_keys=False))
    (copy / REGISTRY).write_text(yaml.safe_dump({"zakaz_sources": [*ENABLED, *more]}))
    return copy


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """This one, with a source more."""
    return repository_with(tmp_path_factory.mktemp("repository"), **{THIRD: third_of(SOURCES[ENABLED[0]])})


def play(
    repository: Path, folder: Path, tasks: str, apart: Mapping[str, Any] | None = None, **settings: Any
) -> subprocess.CompletedProcess[str]:
    """Run tasks on a host of its own, with the project's plugins, roles and defaults.

    :param apart: settings of several hosts, by their names, instead of the one
    """
    hosts, file = folder / "hosts.yml", folder / "play.yml"
    known = {
        "ansible_connection": "local",
        "ansible_python_interpreter": str(BIN / "python"),
        "zakaz_repository": str(repository),
        "zakaz_secrets_in_vault": False,
        "zakaz_manages_units": True,
        "clickhouse_image": "embedded",
        "docker_engine_volume_root": "/v",
        "backup_commit": "none",
        "rotate_what": "clickhouse_bi",
        "answers": str(folder / "answers.json"),
        **TURNED_ON,
    }
    for name, source in read_sources(repository).items():
        for service in source["services"]:
            # an address that may not be published without a reason
            known |= {f"{name}_{service}_enabled": True, f"{name}_{service}_publish_address": "192.0.2.1"}
    known |= settings
    hosts.write_text(json.dumps({"zakaz": {"hosts": apart or {"one": None}, "vars": known}}))
    file.write_text("- hosts: zakaz\n  gather_facts: false\n  tasks:\n" + tasks)
    return subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", str(hosts), str(file)],
        cwd=repository, capture_output=True, text=True, check=False,
        env={**os.environ, "HOME": str(folder), "NO_COLOR": "1", "LANG": "C.UTF-8",
             "ANSIBLE_STDOUT_CALLBACK": "default", "ANSIBLE_ANY_ERRORS_FATAL": "false"},
    )  # fmt: skip


def answers(repository: Path, folder: Path, expressions: Iterable[str], **settings: Any) -> dict[str, Any]:
    """What the roles of a repository make of expressions, by the expression."""
    asked = "{{ {" + ", ".join(f"{json.dumps(one)}: {one}" for one in expressions) + "} | to_json }}"
    tasks = f"    - ansible.builtin.copy: {{dest: '{{{{ answers }}}}', content: {json.dumps(asked)}}}\n"
    done = play(repository, folder, tasks, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "answers.json").read_text())


EXPRESSIONS = [expression for found in REACHES.values() for expression in found]


@pytest.fixture(scope="module")
def rendered(repository, tmp_path_factory):
    """The answer of every expression, by the registry it was asked with."""
    known: dict[tuple[str, ...], dict[str, Any]] = {}

    def render(*registry: str) -> dict[str, Any]:
        if registry not in known:
            folder = tmp_path_factory.mktemp("asked")
            known[registry] = answers(repository, folder, EXPRESSIONS, zakaz_sources=list(registry))
        return known[registry]

    return render


def words(source: dict[str, Any], name: str, registry: list[str]) -> dict[str, str]:
    """What tells a source from the others, for REACHES; what a source has not is missing."""
    known = {
        "name": name,
        "dashed": name.replace("_", "-"),
        "slug": "zakaz-" + name.replace("_", "-"),
        "user": source["clickhouse"]["user"],
        "secret": source["clickhouse"]["password"],
        "rotates": source["clickhouse"]["rotates_as"],
        "count": next(iter(source["smoke"]["counts"])),
        "expected": source["smoke"]["expect"][0],
        "number": str(len(registry)),
    }
    if source["clickhouse"]["never_silent"]:
        known["table"] = source["clickhouse"]["never_silent"][0]
    for service, entry in source["services"].items():
        known |= {
            "service": entry["container"],
            "service_file": entry["environment_file"],
            "service_address": f"{name}_{service}_publish_address",
            "service_rotates": next(one["rotates_as"] for one in entry["settings"].values() if "rotates_as" in one),
        }
    return known


def expected(patterns: list[str], name: str, registry: list[str], source: dict[str, Any] | None = None) -> list[str]:
    """What must stand in an answer of a source, one of this repository or another."""
    known = words(source or SOURCES.get(name) or third_of(SOURCES[ENABLED[0]]), name, registry)
    return [one.format(**known) for one in patterns if set(re.findall(r"{(\w+)}", one)) <= set(known)]


@pytest.mark.parametrize("consumer", REACHES)
def test_every_source_of_the_registry_reaches(consumer, rendered):
    registry = [*ENABLED, THIRD]
    for expression, patterns in REACHES[consumer].items():
        answer = rendered(*registry)[expression]
        for name in registry:
            for one in expected(patterns, name, registry):
                assert one in answer, f"{expression} does not know {name}"


@pytest.mark.parametrize("consumer", sorted(set(REACHES) - {"schedules", "container_images"}))
def test_a_source_that_is_left_out_reaches_nothing(consumer, rendered):
    """But what stops its timer, and what its image would be made of."""
    for left in ENABLED:
        registry = [name for name in [*ENABLED, THIRD] if name != left]
        for expression, patterns in REACHES[consumer].items():
            answer = rendered(*registry)[expression]
            gone = expected([one for one in patterns if "{number}" not in one], left, registry)
            assert not [one for one in gone if one in answer], f"{expression} knows {left}"


def test_no_password_of_a_source_is_taken_as_given(repository, tmp_path):
    """The preflight names what is empty, whatever source it is of."""
    # an optional source of which nothing is given is off
    empty = {secret: "" for name in ENABLED if not SOURCES[name]["optional"] for secret in required_secrets(name)}
    tasks = "    - ansible.builtin.import_role: {name: preflight, tasks_from: credentials}\n"
    refused = play(repository, tmp_path, tasks, box_office_token="", api_sandbox_enabled=False, **empty)
    assert refused.returncode != 0
    for name in [*empty, "box_office_token"]:
        assert name in refused.stdout


def test_a_wrong_type_in_one_source_is_refused_before_any_is_loaded(repository, tmp_path):
    tasks = """\
    - ansible.builtin.import_role: {name: zakaz, tasks_from: spelling}
    - ansible.builtin.import_role: {name: sources}
"""
    refused = play(repository, tmp_path, tasks, zakaz_sources=[*ENABLED, THIRD], box_office_run_now="perhaps")
    assert refused.returncode != 0
    assert "argument 'box_office_run_now' is of type str and we were unable to convert to bool" in refused.stdout
    assert "TASK [loader" not in refused.stdout


def test_a_name_that_is_no_source_is_refused_with_those_there_are(repository, tmp_path):
    tasks = "    - ansible.builtin.import_role: {name: zakaz}\n"
    refused = play(repository, tmp_path, tasks, zakaz_sources=[*ENABLED, "box_ofice"])
    assert refused.returncode != 0
    assert (
        f"zakaz_sources names box_ofice, which is no source; there are {', '.join(sorted([*SOURCES, THIRD]))}"
        in refused.stdout
    )
