#!/usr/bin/python
"""Keep ClickHouse's configuration in a folder that its container mounts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: clickhouse_configuration
short_description: Keep the configuration of ClickHouse in a folder
description:
  - Makes C(config.d) and C(users.d) of a folder hold one file each, and nothing else that the server would read.
  - The folders are mounted whole, so a file is replaced under the server's eyes and never seen half written.
options:
  folder:
    description: Folder that holds C(config.d) and C(users.d).
    type: path
    required: true
  config:
    description: Content of C(config.d/zakaz.xml).
    type: str
    required: true
  users:
    description: Content of C(users.d/zakaz.xml); holds hashes of passwords, and is shown in no diff.
    type: str
    required: true
  previous:
    description: Folder that receives what is replaced, in the same shape.
    type: path
attributes:
  check_mode: {support: full}
  diff_mode: {support: partial, details: not for the users}
  idempotent: {support: full}
author: Zakaz Dashboard contributors
"""

EXAMPLES = r"""
- name: Write the configuration
  clickhouse_configuration:
    folder: /opt/zakaz/clickhouse
    config: "{{ lookup('ansible.builtin.template', 'config.xml.j2') }}"
    users: "{{ lookup('ansible.builtin.template', 'users.xml.j2') }}"
"""

RETURN = r"""
exists:
  description: Whether the folder held a configuration before.
  type: bool
  returned: always
differs:
  description: Files that were or would be written or removed, relative to the folder.
  type: list
  elements: str
  returned: always
"""

import shutil
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.whole_file import write_whole

FILES = {"config": Path("config.d/zakaz.xml"), "users": Path("users.d/zakaz.xml")}
# what the server merges from these folders
READ_BY_SERVER = {".xml", ".conf", ".yaml", ".yml"}


def differences(folder: Path, wanted: dict[Path, bytes]) -> dict[Path, bytes | None]:
    """Compare a folder with what it should hold.

    :param folder: holds C(config.d) and C(users.d)
    :param wanted: content by path relative to the folder
    :returns: what to write, or None for what to remove, by relative path
    """
    found = {
        file.relative_to(folder): file.read_bytes()
        for name in sorted({path.parent for path in wanted})
        for file in sorted((folder / name).glob("*"))
        if file.suffix in READ_BY_SERVER and file.is_file()
    }
    written = {path: content for path, content in wanted.items() if found.get(path) != content}
    return {**written, **{path: None for path in found if path not in wanted}}


def write(module: AnsibleModule, folder: Path, changes: dict[Path, bytes | None]) -> None:
    """Make the changes, each file in one step: the server may look at any moment."""
    for path, content in changes.items():
        target = folder / path
        # the deployment's folder above is 0700; below it the container's user must be able to read
        for parent in (folder, target.parent):
            parent.mkdir(parents=True, exist_ok=True)
            parent.chmod(0o755)
        if content is None:
            target.unlink()
            continue
        write_whole(target, content, 0o644, module)


def keep(folder: Path, previous: Path) -> None:
    """Copy the configuration of one folder to another, in place of what is there."""
    shutil.rmtree(previous, ignore_errors=True)
    for name in {path.parent for path in FILES.values()}:
        if (folder / name).is_dir():
            shutil.copytree(folder / name, previous / name)


def main() -> None:
    """Entry point for Ansible."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "config": {"type": "str", "required": True},
            "users": {"type": "str", "required": True, "no_log": True},
            "previous": {"type": "path"},
        },
        supports_check_mode=True,
    )
    want = module.params
    folder = Path(want["folder"])
    wanted = {path: want[name].encode() for name, path in FILES.items()}
    exists = any((folder / path).exists() for path in wanted)
    try:
        changes = differences(folder, wanted)
        config = FILES["config"]
        old = (folder / config).read_text("utf-8", "replace") if (folder / config).exists() else ""
        if changes and not module.check_mode:
            if want["previous"] and exists:
                keep(folder, Path(want["previous"]))
            write(module, folder, changes)
    except OSError as error:
        module.fail_json(
            msg=f"The configuration of ClickHouse cannot be kept in clickhouse_dir={folder}: {error}."
            " Mend that folder, or name another."
        )
    diff = {"before": old, "after": want["config"], "before_header": str(config), "after_header": str(config)}
    module.exit_json(
        changed=bool(changes),
        exists=exists,
        differs=sorted(map(str, changes)),
        diff=[diff] if config in changes else [],
    )


if __name__ == "__main__":
    main()
