#!/usr/bin/python
"""Remove images of ours that no deployment of the host needs any more, and the stages of their builds."""

from __future__ import annotations

DOCUMENTATION = r"""
module: superseded_images
short_description: Remove images that were superseded, and stages of builds
description:
  - Looks at images that were built here, by their label C(zakaz.image), and at no others.
  - Kept are those of this deployment, those its last successes ran, the same of every other deployment of the host, as
    their histories and commands say, what any container uses, and the base of what is kept.
  - While another deployment is at work, or where the history of one cannot be read, no named image is removed.
options:
  deployment:
    description: Name of this deployment.
    type: str
    required: true
  prefix:
    description: First part of the names of its images.
    type: str
    required: true
  current:
    description: References that this deployment runs now.
    type: list
    elements: str
    required: true
  others:
    description: Further references that it needs, such as the base.
    type: list
    elements: str
    default: []
  history:
    description: The file of its history.
    type: path
    required: true
  keep:
    description: For how many different successful deployments images are kept, the present one included.
    type: int
    default: 2
  lock:
    description: Its lock; those of other deployments lie beside it.
    type: path
    required: true
attributes:
  check_mode: {support: full}
  diff_mode: {support: none}
  idempotent: {support: full}
author: Zakaz Dashboard contributors
"""

EXAMPLES = r"""
- name: Remove what was superseded
  superseded_images:
    deployment: zakaz
    prefix: zakaz
    current: ["zakaz/ad-network:7f0abaf1f93a"]
    history: /opt/zakaz/history.jsonl
    lock: /run/lock/zakaz-deploy.lock
"""

RETURN = r"""
removed:
  description: References that were or would be removed.
  type: list
  elements: str
  returned: always
stages:
  description: How many nameless stages of builds were or would be removed.
  type: int
  returned: always
freed_bytes:
  description: Bytes that Docker's images take less than before.
  type: int
  returned: always
kept:
  description: Why superseded images were left; empty when none were for a reason of its own.
  type: str
  returned: always
"""

import json
import re
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

NAMELESS = "<none>:<none>"
# where the configuration of a deployment's ClickHouse lies in its folder
CONFIGURATION = "/clickhouse/config.d"
# what a command or a settings file may be long
LONGEST = 100_000


def last_sets(history: Path, keep: int, first: list[str]) -> set[str]:
    """Return the references of the last different successful deployments.

    :param keep: how many of them
    :param first: references of the present one, when it is not recorded yet
    :raises OSError: the history cannot be read
    """
    sets = [frozenset(first)] if first else []
    for line in reversed(history.read_text(encoding="utf-8", errors="replace").splitlines()):
        try:
            entry = json.loads(line)
            images = frozenset(entry.get("images", {}).values()) if entry.get("event") == "ended" else frozenset()
        except (ValueError, AttributeError):
            continue
        if images and images not in sets:
            sets.append(images)
    return set().union(*sets[: max(keep, 1)])


def named_in(folder: Path, references: set[str]) -> set[str]:
    """Return the references that the commands of a deployment name."""
    text = ""
    for path in folder.iterdir():
        if path.is_file() and path.suffix != ".jsonl" and path.stat().st_size < LONGEST:
            text += path.read_text(encoding="utf-8", errors="replace")
    return {reference for reference in references if reference in text}


def size(text: str) -> int:
    """Return the bytes of a size as Docker prints it, such as 1.9GB."""
    match = re.match(r"([\d.]+)([kMGT]?)B", text)
    return int(float(match[1]) * 1000 ** " kMGT".index(match[2] or " ")) if match else 0


class Host:
    """The engine of the host, as its command tells."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module

    def docker(self, *arguments: str, some_gone: bool = False) -> list[str]:
        """Lines of an answer.

        The module fails when the engine does not answer.

        :param some_gone: what was asked for may be gone by now; what is left is told all the same
        """
        _, text, _ = self._module.run_command(["docker", *arguments], check_rc=not some_gone)
        return text.splitlines()

    def images(self) -> list[tuple[str, str]]:
        """Identity and reference of each image that was built here."""
        listed = self.docker(
            "image", "ls", "--no-trunc", "--filter", "label=zakaz.image", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"
        )
        return [(identity, reference) for identity, _, reference in (line.partition(" ") for line in listed)]

    def layers(self, references: list[str]) -> list[list[str]]:
        """The layers of images, lowest first."""
        if not references:
            return []
        return [
            json.loads(line)
            for line in self.docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", *references)
        ]

    def folders(self) -> dict[str, Path | None]:
        """The folder of each deployment; None where nothing tells it."""
        networks = self.docker(
            "network", "ls", "--filter", "label=zakaz.deployment", "--format", '{{.Label "zakaz.deployment"}}'
        )
        found: dict[str, Path | None] = dict.fromkeys(networks)
        containers = self.docker("ps", "--all", "--quiet", "--filter", "label=zakaz.deployment")
        shown = '{{index .Config.Labels "zakaz.deployment"}}{{range .Mounts}} {{.Source}}{{end}}'
        # a loader's container goes with its run; a deployment without any is not known, and its images stay
        for line in self.docker("inspect", "--format", shown, *containers, some_gone=True) if containers else []:
            name, *sources = line.split(" ")
            for source in sources:
                if source.endswith(CONFIGURATION):
                    found[name] = Path(source.removesuffix(CONFIGURATION))
        return found

    def remove(self, references: list[str]) -> list[str]:
        """Remove images one by one; those that something uses stay."""
        return [one for one in references if self._module.run_command(["docker", "image", "rm", one])[0] == 0]

    def bytes(self) -> int:
        """What all images take."""
        lines = self.docker("system", "df", "--format", "{{.Type}} {{.Size}}")
        return sum(size(line.split()[-1]) for line in lines if line.startswith("Images"))


def wanted(host: Host, want: dict, references: set[str]) -> tuple[set[str], str]:
    """Return the references that a deployment of the host needs, and why that cannot be known, if so."""
    needed = {*want["current"], *want["others"]}
    own = Path(want["history"])
    if own.exists():
        needed |= last_sets(own, want["keep"], want["current"])
    # a run of some tags may not have come to the commands
    needed |= named_in(own.parent, references)
    for name, folder in host.folders().items():
        if name == want["deployment"]:
            continue
        try:
            if folder is None:
                return references, f"the folder of the deployment {name} is not known"
            needed |= last_sets(folder / "history.jsonl", want["keep"], []) | named_in(folder, references)
        except OSError as error:
            return references, f"the history of the deployment {name} cannot be read ({error.strerror})"
    return needed, ""


def main() -> None:
    """Entry point for Ansible."""
    module = AnsibleModule(
        argument_spec={
            "deployment": {"type": "str", "required": True},
            "prefix": {"type": "str", "required": True},
            "current": {"type": "list", "elements": "str", "required": True},
            "others": {"type": "list", "elements": "str", "default": []},
            "history": {"type": "path", "required": True},
            "keep": {"type": "int", "default": 2},
            "lock": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    want, host = module.params, Host(module)
    images = host.images()
    stages = [identity for identity, reference in images if reference == NAMELESS]
    ours = {reference for _, reference in images if reference.startswith(f"{want['prefix']}/")}
    locks = [lock for lock in Path(want["lock"]).parent.glob("*-deploy.lock") if lock != Path(want["lock"])]
    superseded: list[str] = []
    kept = ""
    if locks:
        # it may have built what it does not run yet
        stages, kept = [], f"another deployment of this host is at work ({locks[0]})"
    elif ours - {*want["current"], *want["others"]}:
        needed, kept = wanted(host, want, ours)
        bases = {reference for reference in ours if reference.startswith(f"{want['prefix']}/base:")}
        above = host.layers(sorted((ours & needed) - bases))
        for base in sorted(bases - needed):
            (layers,) = host.layers([base])
            if any(one[: len(layers)] == layers for one in above):
                needed.add(base)
        superseded = sorted(ours - needed)
    freed = 0
    if (superseded or stages) and not module.check_mode:
        before = host.bytes()
        superseded, stages = host.remove(superseded), host.remove(stages)
        freed = max(0, before - host.bytes())
    module.exit_json(
        changed=bool(superseded or stages), removed=superseded, stages=len(stages), freed_bytes=freed, kept=kept
    )


if __name__ == "__main__":
    main()
