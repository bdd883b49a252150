#!/usr/bin/python
"""Write a set of small text files in one go."""

from __future__ import annotations

DOCUMENTATION = r"""
module: write_files
short_description: Write a set of small text files in one go
description:
  - Writes each file whose content or mode differs, in one step, so that a reader sees the old file or the new one.
  - One call instead of a loop over M(ansible.builtin.template), which asks the host twice for each file.
  - Content appears in the invocation and in the diff; secrets belong in a task of their own with C(no_log).
options:
  files:
    description: What is to be there. Folders must exist.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      content:
        description: The whole text.
        type: str
        required: true
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
- name: Write the unit and its timer
  write_files:
    files:
      - path: /etc/systemd/system/zakaz.service
        content: "{{ lookup('ansible.builtin.template', 'service.j2') }}"
      - path: /etc/systemd/system/zakaz.timer
        content: "{{ lookup('ansible.builtin.template', 'timer.j2') }}"
"""

RETURN = r"""
written:
  description: Paths that were or would be written.
  type: list
  elements: str
  returned: always
"""

import os
import stat
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Entry point for Ansible."""
    file_options = {
        "path": {"type": "path", "required": True},
        "content": {"type": "str", "required": True},
        "mode": {"type": "str", "default": "0644"},
    }
    module = AnsibleModule(
        argument_spec={"files": {"type": "list", "elements": "dict", "required": True, "options": file_options}},
        supports_check_mode=True,
    )
    written, diff = [], []
    for file in module.params["files"]:
        path, mode = Path(file["path"]), int(file["mode"], 8)
        try:
            before = path.read_bytes() if path.exists() else None
            same = before == file["content"].encode()
            if same and stat.S_IMODE(path.stat().st_mode) == mode:
                continue
            if not module.check_mode:
                if same:
                    path.chmod(mode)
                else:
                    # no moment at which others could read it, or read half of it
                    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as partial:
                        partial.write(file["content"].encode())
                        os.fchmod(partial.fileno(), mode)
                    Path(partial.name).replace(path)
        except OSError as error:
            module.fail_json(msg=f"{path} cannot be written: {error.strerror}.", written=written)
        written.append(str(path))
        shown = "" if before is None else before.decode(errors="replace")
        diff.append({"before": shown, "after": file["content"], "before_header": str(path), "after_header": str(path)})
    module.exit_json(changed=bool(written), written=written, diff=diff)


if __name__ == "__main__":
    main()
