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
    description: Folders that are to be there, before the files; missing parents are made with the same permissions.
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
    description: Files that are to be there, each with O(files[].content) or O(files[].base64).
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      content:
        description: The whole text. It appears in the diff, the host's log and the invocation.
        type: str
      base64:
        description:
          - The whole content, encoded, of what is secret or no text. It appears in no diff, log or invocation.
          - Encoded, since the host's log quotes texts, and a secret of many lines would not be found in its quotation.
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
        base64: "{{ lookup('ansible.builtin.template', 'settings.json.j2') | b64encode }}"
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
import stat
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.whole_file import write_whole

FOLDER_OPTIONS = {
    "path": {"type": "path", "required": True},
    "mode": {"type": "str", "default": "0700"},
}
FILE_OPTIONS = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str"},
    "base64": {"type": "str", "no_log": True},
    "mode": {"type": "str", "default": "0644"},
}


def make_folder(path: Path, mode: int, check: bool) -> bool:
    """Make the folder, or give it its mode; tell whether there was anything to do."""
    if path.is_dir() and stat.S_IMODE(path.stat().st_mode) == mode:
        return False
    if not check:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir()
            folder.chmod(mode)
        path.chmod(mode)
    return True


def write_file(module: AnsibleModule, path: Path, content: bytes, mode: int, before: bytes | None) -> bool:
    """Make the file hold the content, or give it its mode; tell whether there was anything to do."""
    same = before == content
    if same and stat.S_IMODE(path.stat().st_mode) == mode:
        return False
    if module.check_mode:
        return True
    if same:
        path.chmod(mode)
    else:
        write_whole(path, content, mode, module)
    return True


def shown(file: dict, before: bytes | None) -> dict[str, str]:
    """What the diff tells of a file: of what came encoded only that it differs."""
    if file["content"] is None:
        texts = ("" if before is None else "(not shown, before)\n", "(not shown, after)\n")
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
                "mutually_exclusive": [("content", "base64")],
                "required_one_of": [("content", "base64")],
            },
        },
        supports_check_mode=True,
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
            text, encoded = file["content"], file["base64"]
            content = base64.b64decode(encoded, validate=True) if text is None else text.encode()
            before = Path(path).read_bytes() if Path(path).exists() else None
            if write_file(module, Path(path), content, int(file["mode"], 8), before):
                written.append(path)
                diff.append(shown(file, before))
    except OSError as error:
        module.fail_json(msg=f"{path} cannot be written: {error.strerror}.", written=written)
    except binascii.Error as error:
        module.fail_json(msg=f"{path} cannot be written: its content is not base64 ({error}).", written=written)
    module.exit_json(changed=bool(written), written=written, diff=diff)


if __name__ == "__main__":
    main()
