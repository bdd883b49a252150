#!/usr/bin/python
"""Write a set of small files, and their folders, in one go."""

from __future__ import annotations

DOCUMENTATION = r"""
module: write_files
short_description: Write a set of small files, and their folders, in one go
description:
  - Writes each file whose content or mode differs, in one step, so that a reader sees the old file or the new one.
  - One call instead of a loop over M(ansible.builtin.template) and M(ansible.builtin.file), which ask the host twice
    for each.
options:
  folders:
    description: Folders that are to be there, before the files; parents are made as they are needed.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      mode:
        description: Permissions, octal.
        type: str
        default: "0700"
  files:
    description: Files that are to be there, each with one of O(files[].content), O(files[].secret), O(files[].base64).
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      content:
        description: The whole text; it appears in the diff.
        type: str
      secret:
        description: The whole text; it appears in no diff, log or invocation.
        type: str
      base64:
        description: The whole content, encoded; the diff only says that it differs.
        type: str
      mode:
        description: Permissions, octal.
        type: str
        default: "0644"
attributes:
  check_mode: {support: full}
  diff_mode: {support: full}
  idempotent: {support: full}
author: Zakaz Dashboard contributors
"""

EXAMPLES = r"""
- name: Write the program's settings, its unit and its timer
  write_files:
    folders:
      - path: /opt/zakaz
    files:
      - path: /opt/zakaz/settings.json
        secret: "{{ lookup('ansible.builtin.template', 'settings.json.j2') }}"
        mode: "0600"
      - path: /etc/systemd/system/zakaz.service
        content: "{{ lookup('ansible.builtin.template', 'service.j2') }}"
      - path: /etc/systemd/system/zakaz.timer
        content: "{{ lookup('ansible.builtin.template', 'timer.j2') }}"
"""

RETURN = r"""
written:
  description: Paths that were or would be made, written or given another mode.
  type: list
  elements: str
  returned: always
"""

import base64
import binascii
import os
import stat
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

FOLDER_OPTIONS = {
    "path": {"type": "path", "required": True},
    "mode": {"type": "str", "default": "0700"},
}
FILE_OPTIONS = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str"},
    "secret": {"type": "str", "no_log": True},
    "base64": {"type": "str"},
    "mode": {"type": "str", "default": "0644"},
}


def make_folder(path: Path, mode: int, check: bool) -> bool:
    """Make the folder, or give it its mode; tell whether there was anything to do."""
    if path.is_dir() and stat.S_IMODE(path.stat().st_mode) == mode:
        return False
    if not check:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
    return True


def write_file(path: Path, content: bytes, mode: int, before: bytes | None, check: bool) -> bool:
    """Make the file hold the content, or give it its mode; tell whether there was anything to do."""
    same = before == content
    if same and stat.S_IMODE(path.stat().st_mode) == mode:
        return False
    if check:
        return True
    if same:
        path.chmod(mode)
        return True
    # no moment at which others could read it, or read half of it
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as partial:
        partial.write(content)
        os.fchmod(partial.fileno(), mode)
    Path(partial.name).replace(path)
    return True


def shown(file: dict, before: bytes | None) -> dict[str, str]:
    """What the diff tells of a file: nothing of a secret, and of what is no text only that it differs."""
    if file["content"] is None:
        kind = "secret" if file["base64"] is None else "binary"
        texts = ("" if before is None else f"({kind}, before)\n", f"({kind}, after)\n")
    else:
        texts = ("" if before is None else before.decode(errors="replace"), file["content"])
    return {"before": texts[0], "after": texts[1], "before_header": file["path"], "after_header": file["path"]}


def main() -> None:
    """Entry point for Ansible."""
    module = AnsibleModule(
        argument_spec={
            "folders": {"type": "list", "elements": "dict", "default": [], "options": FOLDER_OPTIONS},
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": FILE_OPTIONS,
                "mutually_exclusive": [("content", "secret", "base64")],
                "required_one_of": [("content", "secret", "base64")],
            },
        },
        supports_check_mode=True,
        # the host's log would take the files as one text, in which no secret is recognised
        no_log=True,
    )
    written, diff, path = [], [], ""
    try:
        for folder in module.params["folders"]:
            path = folder["path"]
            if make_folder(Path(path), int(folder["mode"], 8), module.check_mode):
                written.append(path)
                diff.append({"before": "", "after": f"folder, mode {folder['mode']}\n", "after_header": path})
        for file in module.params["files"]:
            path = file["path"]
            content = file["content"] if file["secret"] is None else file["secret"]
            content = base64.b64decode(file["base64"], validate=True) if content is None else content.encode()
            before = Path(path).read_bytes() if Path(path).exists() else None
            if write_file(Path(path), content, int(file["mode"], 8), before, module.check_mode):
                written.append(path)
                diff.append(shown(file, before))
    except OSError as error:
        module.fail_json(msg=f"{path} cannot be written: {error.strerror}.", written=written)
    except binascii.Error as error:
        module.fail_json(msg=f"{path} cannot be written: its content is not base64 ({error}).", written=written)
    module.exit_json(changed=bool(written), written=written, diff=diff)


if __name__ == "__main__":
    main()
