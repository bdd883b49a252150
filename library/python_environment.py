#!/usr/bin/python
"""Make a Python environment, and make it anew when it is damaged."""

from __future__ import annotations

DOCUMENTATION = r"""
module: python_environment
short_description: Make a Python environment, and make it anew when it is damaged
description:
  - A marker in the environment holds the digest of its files, so a deleted, emptied or half deleted one is noticed, and
    so is an interpreter that is gone or became another version.
  - It is made beside its place and moved there when it is whole.
options:
  path:
    description: The environment.
    type: path
    required: true
  state:
    description: C(proved) only looks; C(present) makes it.
    choices: [proved, present]
    default: proved
    type: str
  executable:
    description: With O(state=present), the Python that it is made with.
    type: str
    default: python3
  requirements:
    description: With O(state=present), the locked requirements that it gets.
    type: path
attributes:
  check_mode: {support: full}
  diff_mode: {support: none}
  idempotent: {support: full}
author: Zakaz Dashboard contributors
"""

EXAMPLES = r"""
- name: Prove the environment
  python_environment:
    path: /opt/zakaz/python
"""

RETURN = r"""
there:
  description: Whether there is anything at O(path), if only a link that leads nowhere.
  type: bool
  returned: always
damage:
  description: What was wrong with it when the module began; empty when it was whole.
  type: str
  returned: always
"""

import os
import shutil
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.python_environment import MARKER, damage, digest


def make(module: AnsibleModule, folder: Path, executable: str, requirements: str) -> None:
    """Make the environment beside its place, and put it there."""
    draft = folder.with_name(f"{folder.name}.making")
    module.run_command([executable, "-m", "venv", "--clear", str(draft)], check_rc=True)
    install = [str(draft / "bin" / "pip"), "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    code, _, words = module.run_command([*install, "--require-hashes", "--requirement", requirements])
    if code:
        module.fail_json(
            msg="The Python packages of the deployment cannot be installed: "
            f"{(words.strip().splitlines() or ['no message'])[-1]} Mend the network or the package index"
            " (PIP_INDEX_URL, /etc/pip.conf), and run this again."
        )
    # nothing is installed into it later, and two thirds of its files would be pip's
    module.run_command(
        [str(draft / "bin" / "python"), "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools"]
    )
    (draft / MARKER).write_text(f"{digest(draft)}\n", encoding="ascii")
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
    else:
        shutil.rmtree(folder)
    draft.rename(folder)


def main() -> None:
    """Entry point for Ansible."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["proved", "present"], "default": "proved"},
            "executable": {"type": "str", "default": "python3"},
            "requirements": {"type": "path"},
        },
        required_if=[("state", "present", ["requirements"])],
        supports_check_mode=True,
    )
    folder = Path(module.params["path"])
    there, found = os.path.lexists(folder), damage(folder)
    wanted = module.params["state"] == "present" and found != ""
    if wanted and not module.check_mode:
        try:
            make(module, folder, module.params["executable"], module.params["requirements"])
        except OSError as error:
            module.fail_json(msg=f"{error.filename or folder} cannot be written: {error.strerror}.")
        if left := damage(folder):
            module.fail_json(msg=f"The Python environment {folder} was made, and is no good: {left}.")
    module.exit_json(changed=wanted, there=there, damage=found)


if __name__ == "__main__":
    main()
