"""An Ansible module run as Ansible runs it: arguments in, one JSON answer out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.modules.clickhouse_server import REPOSITORY

# Ansible puts module_utils of the repository beside its own; so does this
_RUN = """
import json, resource, runpy, sys
import ansible.module_utils as utilities
import ansible.module_utils.basic as basic
utilities.__path__.append(sys.argv[2])
basic._ANSIBLE_ARGS = sys.stdin.buffer.read()
basic._ANSIBLE_PROFILE = "legacy"
if log := sys.argv[3]:
    basic.AnsibleModule.log = lambda self, message, log_args=None: open(log, "a").write(message)
if most := int(sys.argv[4]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
sys.argv = [sys.argv[1]]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_module(
    name: str,
    *,
    check: bool = False,
    diff: bool = False,
    log: Path | None = None,
    largest_file: int = 0,
    **parameters: Any,
) -> dict[str, Any]:
    """The module's answer; ``failed`` is set when it failed.

    :param log: receives what the module would write to the host's log
    :param largest_file: bytes it may write into one file, as on a disk that is full; 0 for any
    """
    arguments = {"ANSIBLE_MODULE_ARGS": {**parameters, "_ansible_check_mode": check, "_ansible_diff": diff}}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _RUN,
            str(REPOSITORY / "library" / f"{name}.py"),
            str(REPOSITORY / "module_utils"),
            str(log or ""),
            str(largest_file),
        ],
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])
