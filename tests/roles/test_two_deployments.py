"""Two deployments on one host: what the roles would write, run and remove under one name and under another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import filter_loader, init_plugin_loader, lookup_loader
from ansible.template import Templar, trust_as_template
from vars.sources import variables_of

from tests.makefile import REPOSITORY
from tests.sources import ADVERTISING, SOURCES, services, unit_of

ROLES = sorted(path for path in (REPOSITORY / "roles").iterdir() if path.is_dir())

# What belongs to the host or to the machine that deploys, whoever deploys: read there, or shared on purpose.
SHARED = {
    "/opt/venv": "inside images",
    "/usr": "programs of the host",
    "/bin": "programs of the host",
    "/sys": "the kernel",
    "/proc": "the kernel",
    "/dev": "the kernel",
    "/tmp": "files with random names",
    "/var/run/docker.sock": "the engine",
    "/var/lib/docker": "the engine, for its free space",
    "/var/log/dockerd.log": "the engine",
    "/healthz": "a path of a service",
    "/var/lib/zakaz": "inside containers",
    "/var/lib/prometheus/node-exporter": "a folder of node exporter; the file in it follows the name",
}
# What the roles find out while they run.
FOUND = {
    "ansible_facts": {
        "service_mgr": "systemd", "distribution": "Debian", "distribution_major_version": "12", "pkg_mgr": "apt",
        "python": {"executable": "/usr/bin/python3"}, "virtualization_type": "kvm",
    },
    "container_images_refs": dict.fromkeys([*SOURCES, "clickhouse_embedded", "api_sandbox"], "zakaz/image:0123"),
    "docker_engine_volume_root": "/var/lib/docker/volumes",
    "preflight_host": {"paths": {}, "docker_answers": True, "container": False, "environments": {}},
    "inventory_dir": "/somewhere/inventories/production",
    "inventory_hostname": "host",
    "ansible_managed": "Ansible managed",
}  # fmt: skip
ON = {
    "loader_name": ADVERTISING,
    "source_service_name": next(f"{source}_{name}" for source, name, _ in services()),
    "rotate_what": SOURCES[ADVERTISING]["clickhouse"]["rotates_as"],
    **{f"{source}_{name}_enabled": True for source, name, _ in services()},
    "tls_proxy_enabled": True,
    "api_sandbox_enabled": True,
}
# one a host, whoever deploys: the engine, and the folder of node exporter
ONE_A_HOST = {"docker", "/var/lib/prometheus/node-exporter", "item"}
# a folder that a task before made within zakaz_dir, and timers that a task before found by their names
RUN_KNOWS = {
    # files of __rotate_places, all of them in zakaz_dir or clickhouse_dir
    "unknown: files of Give them to those who use them",
    "unknown: dest of Put the files back",
    "unknown: files of Write a trial's settings: {{ __rotate_loader }}",
    # whoever asks the role container for one names it; sources of others were found by their volumes
    "unknown: name of {{ container_spec.task | default('Run ' ~ container_spec.name) }}",
    "unknown: name of Remove {{ container_spec.name }}",
    # by the names that other tasks give them
    "unknown: container of Run its container: {{ source_service_name }}",
    "unknown: container of Remove the newer ClickHouse",
    "unknown: name of Stop its timer: {{ sources_other.name }}",
    "unknown: path of Make the folder that is shown: {{ loader_import_verb }}",
    "unknown: dest of Copy the files: {{ loader_import_verb }}",
    "unknown: path of Remove the copy: {{ loader_import_verb }}",
}  # fmt: skip
# a file with one of these modules is written, a thing with one of these is made: the arguments that name them
MAKES = {
    "file": ["path"], "copy": ["dest"], "template": ["dest"], "unarchive": ["dest"], "command": ["creates"],
    "shell": ["creates"], "write_files": ["folders", "files"], "deploy_lock": ["path"], "deployment_folder": ["path"],
    "deployment_history": ["path"], "clickhouse_configuration": ["folder", "previous"],
    "docker_container": ["name", "networks"], "docker_network": ["name"], "docker_volume": ["name"],
    "systemd_service": ["name"], "lineinfile": ["path"], "blockinfile": ["path"], "tempfile": ["path"],
}  # fmt: skip


# paths within containers
WITHIN = (
    "/var/lib/clickhouse",
    "/var/lib/zakaz",
    "/var/log/clickhouse-server",
    "/backups",
    "/import",
    "/etc/caddy/Caddyfile",
)


class Deployment:
    """All settings, templates and tasks of the roles, as one name gives them."""

    def __init__(self, name: str, folder: Path) -> None:
        loader = DataLoader()
        loader.set_basedir(str(REPOSITORY))
        self.settings: dict[str, Any] = {}
        self.role_of: dict[str, Path] = {}
        for role in ROLES:
            for file in sorted([*role.glob("defaults/**/*.yml"), *role.glob("vars/**/*.yml")]):
                for key, value in (loader.load_from_file(str(file), trusted_as_template=True) or {}).items():
                    self.settings[key], self.role_of[key] = value, role
        self.variables = {
            **self.settings, **variables_of(SOURCES), **FOUND, **ON,
            "zakaz_name": name, "zakaz_repository": str(REPOSITORY),
            "zakaz_secrets_dir": f"{folder}/secrets", "hostvars": {}, "groups": {},
        }  # fmt: skip
        self.variables["__clickhouse_as"] = self.settings["__clickhouse_live"]
        self.variables["omit"] = None
        self.loader = loader

    def render(self, value: Any, role: Path, **more: Any) -> Any:
        """The value as that role would see it.

        :raises Exception: it needs what only a run knows
        """
        available = {**self.variables, "role_path": str(role), "role_name": role.name, **more}
        available["ansible_search_path"] = [str(role), str(REPOSITORY)]
        return Templar(self.loader, variables=available).template(value)


def leaves(value: Any) -> Iterator[str]:
    """All strings of a value."""
    if isinstance(value, dict):
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, (list, tuple, set)):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, str):
        yield str(value)


def shared(path: str) -> bool:
    """Whether a path is the host's, the checkout's or this machine's, whoever deploys."""
    return any(Path(path).is_relative_to(folder) for folder in (*SHARED, REPOSITORY))


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> tuple[Deployment, Deployment]:
    init_plugin_loader()
    lookup_loader.add_directory(str(REPOSITORY / "plugins" / "lookup"))
    filter_loader.add_directory(str(REPOSITORY / "plugins" / "filter"))
    return tuple(Deployment(name, tmp_path_factory.mktemp(name)) for name in ("alpha", "beta"))


def test_no_setting_names_the_same_path_for_both(two):
    same, seen = {}, 0
    for setting, role in two[0].role_of.items():
        try:
            first, second = (set(leaves(one.render(one.settings[setting], role))) for one in two)
        except AnsibleError:
            # only a run knows: the tasks below show what they name
            continue
        paths = {text for text in first if re.fullmatch(r"/[^*\n]+", text)}
        seen += len(paths)
        if found := {path for path in paths & second if not shared(path) and not path.startswith(WITHIN)}:
            same[setting] = found
    assert same == {}
    assert seen > 40


@pytest.mark.parametrize("role", ["alerts", "backup", "loader", "watch"])
def test_no_program_or_unit_names_the_same_path_for_both(two, role):
    for template in sorted((REPOSITORY / "roles" / role / "templates").iterdir()):
        text = trust_as_template(template.read_text(encoding="utf-8"))
        shown = (str(one.render(text, template.parents[1], ended="alert", environment_values={})) for one in two)
        first, second = (re.sub(r"(?m)^#.*$", "", text) for text in shown)
        found = [set(re.findall(r"(?<![\w.:/%$}>-])/[a-z][\w.@+/-]*", one)) for one in (first, second)]
        same = {path for path in found[0] & found[1] if not shared(path) and not path.startswith(WITHIN)}
        assert same == set(), template.name


def names(value: Any) -> Iterator[str]:
    """Of what a module is told, the paths and names of what it makes."""
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, dict):
            yield from (part[key] for key in ("path", "name") if key in part)
        else:
            yield str(part)


def items(one: Deployment, task: dict, role: Path, variables: dict) -> list[Any]:
    """What a task is repeated for; a word in its place where only a run knows."""
    try:
        return one.render(task.get("loop", ["item"]), role, **variables) or ["item"]
    except AnsibleError:
        return ["item"]


def made(one: Deployment, tasks: Any, role: Path) -> Iterator[str]:
    """What tasks write, run or remove on the host."""
    for task in tasks or []:
        for part in ("block", "rescue", "always"):
            yield from made(one, task.get(part), role)
        variables = task.get("vars", {})
        if "container_spec" in variables:
            try:
                yield one.render(variables["container_spec"], role, **variables)["name"]
            except AnsibleError:
                yield f"unknown: container of {task.get('name')}"
        for module, options in task.items():
            for option in MAKES.get(str(module).rpartition(".")[2], []):
                if option not in (options or {}) or "delegate_to" in task:
                    continue
                for item in items(one, task, role, variables):
                    try:
                        yield from names(one.render(options[option], role, **variables, item=item))
                    except AnsibleError:
                        yield f"unknown: {option} of {task.get('name')}"


def test_no_task_makes_the_same_thing_for_both(two):
    found: list[set[str]] = []
    for one in two:
        found.append(set())
        for role in ROLES:
            for file in sorted(role.glob("tasks/*.yml")):
                tasks = one.loader.load_from_file(str(file), trusted_as_template=True)
                found[-1] |= set(made(one, tasks, role))
    assert found[0] & found[1] <= ONE_A_HOST | RUN_KNOWS
    assert {"alpha-tls-proxy", "alpha-clickhouse-previous", "alpha-api-sandbox"} <= found[0]
    for name, its in zip(("alpha", "beta"), found, strict=True):
        unit = unit_of(ADVERTISING, name)
        assert {
            f"/etc/systemd/system/{unit}.timer",
            f"{name}-clickhouse",
            f"{unit}-state",
            f"/opt/{name}-backups",
        } <= its
