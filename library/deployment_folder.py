#!/usr/bin/python
"""Whose folder it is: one deployment's files never land in, or go with, the folder of another."""

from __future__ import annotations

DOCUMENTATION = r"""
module: deployment_folder
short_description: Refuse a folder of another deployment, or mark one as our own
description:
  - A deployment's folders hold a small file with its name. A folder that carries another name, lies within one that
    does or holds one is refused.
  - A folder without such a file, as earlier versions left it, belongs to the deployments whose commands lie in it; an
    empty one to whoever asks.
options:
  deployment:
    description: Its name.
    type: str
    required: true
  path:
    description: Its folder, as an absolute path; units and mounts know no other.
    type: str
    required: true
  others:
    description: Further folders of it, by the setting that names them.
    type: dict
    default: {}
  state:
    description: C(seen) only looks; C(claimed) makes the folder and marks it.
    choices: [seen, claimed]
    default: seen
    type: str
  removes:
    description: Whether the folder is to be removed. Then no other deployment may have files in it.
    type: bool
    default: false
attributes:
  check_mode: {support: full}
  diff_mode: {support: none}
  idempotent: {support: full}
author: Zakaz Dashboard contributors
"""

EXAMPLES = r"""
- name: Refuse the folder of another deployment
  deployment_folder:
    deployment: zakaz
    path: /opt/zakaz
    others: {backup_dir: /opt/zakaz-backups}
"""

RETURN = r"""
marked:
  description: Whether the folder is there and says that it is this deployment's.
  type: bool
  returned: always
"""

import re
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.whole_file import write_whole

MARKER = ".zakaz-deployment"
# the second one is the role backup's; it was empty once
MARKERS = (MARKER, ".zakaz-backups")
# what every deployment had, whatever else it ran, of a version that did not mark its folder yet
COMMAND = "-qtickets-api"
# a part of the names of containers, units and files; a host name ends at 63 characters
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


def read(marker: Path) -> str:
    """Return the name that a marker holds; empty where there is none.

    :raises OSError: it is there and cannot be read
    """
    try:
        return marker.read_text(encoding="utf-8", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def owner(folder: Path) -> tuple[Path, str]:
    """Return the nearest marker with a name, of the folder or of one it lies in, and that name.

    :returns: an empty name when no folder on the way is marked
    """
    for above in (folder, *folder.parents):
        for marker in MARKERS:
            if name := read(above / marker):
                return above / marker, name
    return folder / MARKER, ""


def residents(folder: Path) -> set[str]:
    """Return the deployments whose commands lie in a folder."""
    return {path.name.removesuffix(COMMAND) for path in folder.glob(f"*{COMMAND}") if path.is_file()}


def inside(folder: Path, name: str) -> tuple[Path, str] | None:
    """Return a marker of another deployment up to two folders below, and its name."""
    for depth in ("*/", "*/*/"):
        for marker in (path for part in MARKERS for path in folder.glob(depth + part)):
            if (found := read(marker)) and found != name:
                return marker, found
    return None


def problem(name: str, setting: str, folder: Path, removes: bool) -> str | None:
    """Say whose folder it is, None when it is ours or nobody's.

    :param setting: the variable that names the folder
    :param removes: whether everything in it would go
    """
    if not folder.is_absolute():
        return f"{setting}={folder} is no absolute path, which units and mounts need. Write it from / on, without ~."
    marker, marked = owner(folder.resolve())
    if marked and marked != name:
        return (
            f"{setting}={folder} belongs to the deployment {marked}, as {marker} says, and this one is {name}."
            f" Leave {setting} out, then it follows zakaz_name, or name another folder."
        )
    # of backups nothing is removed
    if setting == "zakaz_dir" and (within := inside(folder, name)):
        return (
            f"{setting}={folder} holds {within[0].parent}, a folder of the deployment {within[1]}, which would go with"
            " it."
            f" Leave {setting} out, then it follows zakaz_name, or name another folder."
        )
    others = residents(folder) - {name}
    # commands of ours beside theirs: an earlier version let two deployments share a folder
    ours = bool(marked) or name in residents(folder)
    if not others or (ours and not removes):
        return None
    whose = ", ".join(sorted(others))
    if ours:
        return (
            f"{setting}={folder} holds commands of {whose} too, which an earlier version put there, so it cannot be"
            f" removed with {name}. Run make deploy once for {whose}, which makes a folder of its own, delete"
            f" {folder}/{min(others)}-*, and run make remove again."
        )
    return (
        f"{setting}={folder} belongs to the deployment {whose}, whose commands lie in it, and this one is {name}."
        f" Leave {setting} out, then it follows zakaz_name, or name another folder."
    )


def taken_along(folder: Path, setting: str, other: Path) -> str | None:
    """Say that what is to stay lies in the folder that goes, None when it does not.

    :param other: the folder that is to stay
    """
    if not other.exists() or not other.resolve().is_relative_to(folder.resolve()):
        return None
    return (
        f"{setting}={other} lies in zakaz_dir={folder} and would be removed with it. Move it to another place first"
        f" (mv {other} …), set {setting} to that one, and run make remove again."
    )


def main() -> None:
    """Entry point for Ansible."""
    module = AnsibleModule(
        argument_spec={
            "deployment": {"type": "str", "required": True},
            "path": {"type": "str", "required": True},
            "others": {"type": "dict", "default": {}},
            "state": {"type": "str", "choices": ["seen", "claimed"], "default": "seen"},
            "removes": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    name, folder = module.params["deployment"], Path(module.params["path"])
    if not NAME.fullmatch(name):
        module.fail_json(
            msg=f"zakaz_name is {name!r}. It begins the names of containers, units and files: expected are 1 to 40 of"
            " A-Z, a-z, 0-9, '.', '_' and '-', the first a letter or a digit."
        )
    try:
        found = [problem(name, "zakaz_dir", folder, module.params["removes"])]
        found += [problem(name, setting, Path(path), False) for setting, path in module.params["others"].items()]
        if module.params["removes"]:
            found += [taken_along(folder, setting, Path(path)) for setting, path in module.params["others"].items()]
        if problems := [sentence for sentence in found if sentence]:
            module.fail_json(msg=" ".join(problems))
        marker = folder / MARKER
        marked = read(marker) == name
        if module.params["state"] == "claimed" and not marked and not module.check_mode:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(marker, f"{name}\n".encode(), 0o600, module)
    except OSError as error:
        module.fail_json(
            msg=f"{error.filename} cannot be read or written: {error.strerror}. Run as root (ansible_become: true), or"
            " name a folder of this user in zakaz_dir."
        )
    changed = module.params["state"] == "claimed" and not marked
    module.exit_json(changed=changed, marked=marked)


if __name__ == "__main__":
    main()
