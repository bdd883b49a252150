#!/usr/bin/python
"""Refuse a host the deployment cannot succeed on, before anything is changed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_preflight
short_description: Check that a host can carry the deployment
description:
  - Looks at the operating system, privileges, free disk, memory and ports, and reports every shortcoming at once,
    each as a sentence that names the variable or command that mends it.
  - Changes nothing.
options:
  supported:
    description: Supported releases by distribution, as in C(ID) and C(VERSION_ID) of C(/etc/os-release).
    type: dict
    required: true
  allow_unsupported_os:
    description: Go on, with a warning, on other systems.
    type: bool
    default: false
  disk_paths:
    description:
      - Paths on file systems that receive images and data; they need not exist yet. Each file system is judged once.
      - That of the Docker Engine's data is judged besides; the engine is asked where it is, or its configuration where
        none answers.
    type: list
    elements: path
    required: true
  min_free_disk_gb:
    description: Free space asked for there, in GB (10^9 bytes).
    type: float
    required: true
  min_memory_mb:
    description: Memory asked for, in MB (10^6 bytes).
    type: int
    required: true
  ports:
    description: Ports to be published on the host.
    type: list
    elements: dict
    default: []
    suboptions:
      address: {type: str, required: true, description: Address the port is published on.}
      port: {type: raw, required: true, description: Port number.}
      container: {type: str, required: true, description: Container of ours that may hold the port already.}
      variable: {type: str, required: true, description: Variable that chooses another port.}
      address_variable: {type: str, required: true, description: Variable that chooses another address.}
  problems:
    description: Sentences on what the settings alone show; told with the host's own.
    type: list
    elements: str
    default: []
  docker_socket:
    description: Unix socket of the Docker Engine.
    type: path
    default: /var/run/docker.sock
  manages_units:
    description: Whether the deployment installs systemd units, which takes root.
    type: bool
    default: false
  paths:
    description: Files and folders to look for, so that no later task of the play has to.
    type: list
    elements: str
    default: []
  environments:
    description: Python environments of ours to prove, as M(python_environment) does.
    type: list
    elements: path
    default: []
attributes:
  check_mode: {support: full}
  diff_mode: {support: none}
  idempotent: {support: full}
author: Zakaz Dashboard contributors
"""

EXAMPLES = r"""
- name: Check the host
  host_preflight:
    supported: {debian: ["12", "13"]}
    disk_paths: [/opt/zakaz]
    min_free_disk_gb: 3
    min_memory_mb: 1500
"""

RETURN = r"""
docker_answers:
  description: Whether a Docker Engine answers on the socket for this user.
  type: bool
  returned: always
container:
  description: Whether the host is itself a container under systemd, whose kernel is not its own.
  type: bool
  returned: always
paths:
  description: Each of O(paths) with where it leads, without symbolic links; empty where there is nothing.
  type: dict
  returned: always
environments:
  description: What is wrong with each of O(environments); empty where it is whole.
  type: dict
  returned: always
problems:
  description: One sentence for each shortcoming.
  type: list
  elements: str
  returned: always
"""

import contextlib
import errno
import itertools
import os
import re
import socket
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.python_environment import damage
from ansible.module_utils.zakaz_host import disks, docker

PROC = Path("/proc")
# systemd's own note, see its Container Interface
SYSTEMD_CONTAINER = Path("/run/systemd/container")


def docker_get(socket_path: str, url: str) -> Any:
    """Ask the Docker Engine; None when nobody answers this user."""
    try:
        return docker.ask(socket_path, url)
    except docker.EngineSilent:
        return None


def os_problem(release: dict[str, str], supported: dict[str, list[str]]) -> str | None:
    """Say why an operating system is not supported, None when it is.

    :param release: the pairs of /etc/os-release
    :param supported: versions by distribution
    """
    name, version = release.get("ID", "unknown"), release.get("VERSION_ID", "")
    if str(version) in [str(known) for known in supported.get(name, [])]:
        return None
    known = ", ".join(f"{distro} {'/'.join(map(str, versions))}" for distro, versions in sorted(supported.items()))
    return (
        f"this host runs {name} {version}".rstrip() + f"; supported are {known}."
        " Set preflight_allow_unsupported_os=true to try it all the same"
    )


def disk_problem(path: str, free_bytes: int, min_free_gb: float) -> str | None:
    """Say that a file system has too little room, None when it has enough (GB are 10^9 bytes)."""
    if free_bytes >= min_free_gb * 1e9:
        return None
    return (
        f"{path} has {free_bytes / 1e9:.1f} GB free; {min_free_gb:g} GB are needed."
        " Free some space (sudo docker system prune), or lower preflight_min_free_disk_gb"
    )


def disk_problems(paths: list[str], docker_root: str, min_free_gb: float) -> list[str]:
    """Say which file systems have too little room, each once.

    :param paths: those that receive data; they need not exist yet
    :param docker_root: where the Docker Engine keeps, or will keep, images and volumes
    """
    folders = [str(disks.existing_parent(path)) for path in [*paths, docker_root]]
    measured, absent = disks.look(folders)
    short = [disk_problem(disk["mount"], disk["free"], min_free_gb) for disk in measured]
    return [problem for problem in short if problem] + list(absent.values())


def memory_problem(total_bytes: int, min_mb: int) -> str | None:
    """Say that the host has too little memory, None when it has enough (MB are 10^6 bytes)."""
    if total_bytes >= min_mb * 1e6:
        return None
    return (
        f"this host has {total_bytes / 1e6:.0f} MB of memory; {min_mb} MB are needed."
        " Use a larger host, or lower preflight_min_memory_mb"
    )


def bind_problem(address: str, port: int) -> OSError | None:
    """Return why a TCP port cannot be bound on an address, None when it can."""
    bare = address.removeprefix("[").removesuffix("]")
    try:
        with socket.socket(socket.AF_INET6 if ":" in bare else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if ":" in bare:
                # a port of IPv4 is another one, for Docker too
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((bare, port))
    except OSError as error:
        # a low port without root is docker's business, not a conflict
        return None if error.errno == errno.EACCES else error
    return None


def port_holder(port: int) -> str:
    """Name the process that listens on a TCP port, as far as this user may see it."""
    inodes = set()
    for table in ("net/tcp", "net/tcp6"):
        with contextlib.suppress(OSError):
            for line in (PROC / table).read_text().splitlines()[1:]:
                field = line.split()
                if field[3] == "0A" and int(field[1].rsplit(":", 1)[1], 16) == port:
                    inodes.add(f"socket:[{field[9]}]")
    for process in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(handle.readlink()) in inodes for handle in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return "another program"


def port_problem(port: dict, containers: list[dict]) -> str | None:
    """Say who holds a port that we want, None when it is free or ours.

    :param port: address, port, container, variable, as in the module's options
    :param containers: running containers, as the Engine API lists them
    """
    number = int(port["port"])
    problem = bind_problem(port["address"], number)
    if problem is None:
        return None
    if problem.errno != errno.EADDRINUSE:
        return (
            f"{port['address']} is no address of this host ({problem.strerror})."
            f" Set {port['address_variable']} to one of them"
        )
    holders = [
        [name.lstrip("/") for name in container.get("Names", [])] or [str(container.get("Id", ""))[:12]]
        for container in containers
        if any(entry.get("PublicPort") == number for entry in container.get("Ports", []))
    ]
    # another deployment may have the same port on another address
    if any(port["container"] in names for names in holders):
        return None
    holder = f"the container {holders[0][0]}" if holders else port_holder(number)
    return f"port {number} on {port['address']} is taken by {holder}. Stop it, or set {port['variable']} to a free port"


def wrong_ports(ports: list[dict]) -> list[str]:
    """Say which ports are none, or would be published twice; Docker would say so after minutes, and name no variable.

    :param ports: as in the module's options
    """
    found = [
        f"{port['variable']}={port['port']} is no port; set it to a number from 1 to 65535"
        for port in ports
        if not re.fullmatch(r"[0-9]{1,5}", str(port["port"])) or not 1 <= int(port["port"]) <= 65535
    ]
    for one, other in itertools.combinations(ports, 2):
        addresses = {one["address"], other["address"]}
        one_family = len({"[" in address for address in addresses}) == 1
        shared = len(addresses) == 1 or (one_family and addresses & {"0.0.0.0", "[::]"})  # noqa: S104  compared only
        if str(one["port"]) == str(other["port"]) and shared:
            found.append(
                f"{one['variable']} and {other['variable']} are both {one['port']}, on"
                f" {' and '.join(sorted(addresses))}. Set one of them to another port"
            )
    return found


def privilege_problem(uid: int, docker_answers: bool, manages_units: bool, folder: str) -> str | None:
    """Say why this user cannot deploy, None when it can."""
    if uid == 0:
        return None
    if manages_units:
        return "systemd units need root. Set ansible_become=true for this host: its user needs sudo"
    if not docker_answers:
        return (
            "no Docker Engine answers this user, and installing one needs root. Set ansible_become=true for this host,"
            " run sudo make deploy on this machine, or start Docker and add this user to the group docker"
        )
    nearest = disks.existing_parent(folder)
    if not os.access(nearest, os.W_OK):
        return (
            f"{nearest} is not writable for this user. Set ansible_become=true for this host (on this machine:"
            " sudo make deploy), or set zakaz_dir to a folder of this user"
        )
    return None


def read_release(path: Path = Path("/etc/os-release")) -> dict[str, str]:
    """Return the pairs of os-release; empty when there is no such file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in lines) if value}


def where_it_leads(path: str) -> str:
    """Return a path without symbolic links, C(~) and C($HOME); empty when nothing is there that this user may see."""
    # RuntimeError: a loop of links, or no such user; ValueError: no path
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        return str(Path(os.path.expandvars(path)).expanduser().resolve(strict=True))
    return ""


def main() -> None:
    """Entry point for Ansible."""
    module = AnsibleModule(
        argument_spec={
            "supported": {"type": "dict", "required": True},
            "allow_unsupported_os": {"type": "bool", "default": False},
            "disk_paths": {"type": "list", "elements": "path", "required": True},
            "min_free_disk_gb": {"type": "float", "required": True},
            "min_memory_mb": {"type": "int", "required": True},
            "ports": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "address": {"type": "str", "required": True},
                    "port": {"type": "raw", "required": True},
                    "container": {"type": "str", "required": True},
                    "variable": {"type": "str", "required": True},
                    "address_variable": {"type": "str", "required": True},
                },
            },
            "problems": {"type": "list", "elements": "str", "default": []},
            "docker_socket": {"type": "path", "default": "/var/run/docker.sock"},
            "manages_units": {"type": "bool", "default": False},
            "paths": {"type": "list", "elements": "str", "default": []},
            "environments": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    want = module.params
    containers = docker_get(want["docker_socket"], "/containers/json")
    unsupported = os_problem(read_release(), want["supported"])
    if unsupported and want["allow_unsupported_os"]:
        module.warn(unsupported)
        unsupported = None
    about = docker_get(want["docker_socket"], "/info")
    root = (about.get("DockerRootDir") if isinstance(about, dict) else None) or disks.future_docker_root()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    wrong: list[str | None] = [*wrong_ports(want["ports"])]
    found = [
        *want["problems"],
        unsupported,
        privilege_problem(os.geteuid(), containers is not None, want["manages_units"], want["disk_paths"][0]),
        *disk_problems(want["disk_paths"], root, want["min_free_disk_gb"]),
        memory_problem(memory, want["min_memory_mb"]),
        *(wrong or [port_problem(port, containers or []) for port in want["ports"]]),
    ]
    problems = [problem for problem in found if problem]
    result = {
        "changed": False,
        "docker_answers": containers is not None,
        "container": SYSTEMD_CONTAINER.exists(),
        "paths": {path: where_it_leads(path) for path in want["paths"]},
        "environments": {path: damage(Path(path)) for path in want["environments"]},
        "problems": problems,
    }
    if problems:
        module.fail_json(msg="This host cannot carry the deployment yet: " + "; ".join(problems) + ".", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
