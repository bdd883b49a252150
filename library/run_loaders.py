#!/usr/bin/python
# Copyright (c) Zakaz Dashboard contributors
# MIT License (see LICENSE)
"""Ansible module: run loaders side by side, and say what each loaded or why it did not."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: run_loaders
short_description: Run loaders side by side
description:
  - Runs each loader's installed command once, all at the same time, and waits for all of them.
  - A loader whose lock a scheduled run holds is tried again until that run has ended.
  - Fails with a sentence for each loader that failed; the others' rows are loaded all the same.
author:
  - Zakaz Dashboard contributors
attributes:
  check_mode:
    support: none
    details: What waits in the APIs is known only after it was read.
  diff_mode:
    support: none
  idempotent:
    support: full
    details: A run that finds nothing new or different changes nothing.
options:
  loaders:
    description: The loaders to run.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {type: str, required: true, description: Name of the loader.}
      command: {type: path, required: true, description: Its command on the target; it is run with C(run).}
      settings: {type: path, required: true, description: File of its settings, for the sentence of a failure.}
      variables:
        description: Variables to mend when the loader refuses its configuration.
        type: list
        elements: str
        required: true
  busy_seconds:
    description: How long to wait for a scheduled run that holds a loader's lock.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Load
  run_loaders:
    loaders:
      - name: vk_ads
        command: /opt/zakaz/zakaz-vk-ads
        settings: /opt/zakaz/vk_ads.env
        variables: [vk_ads_client_id, vk_ads_client_secret]
"""

RETURN = r"""
loaded:
  description: The summary of each loader's run, as the loader writes it, by the loader's name.
  returned: always
  type: dict
"""

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.module_utils.basic import AnsibleModule

# Exit codes of the loaders, of sysexits.h.
EX_TEMPFAIL = 75
EX_CONFIG = 78
# Seconds between two trials of a loader that is locked.
PAUSE = 2


def run_once(command: str) -> tuple[int, dict[str, Any], str]:
    """Run a loader.

    :returns: exit code, the summary it ends with (empty when it has none), and the last line it wrote
    :raises OSError: the command cannot be started
    """
    done = subprocess.run([command, "run"], capture_output=True, text=True, errors="replace", check=False)
    out, err = done.stdout.splitlines(), done.stderr.splitlines()
    try:
        summary = json.loads(out[-1])
    except (IndexError, ValueError):
        summary = {}
    return done.returncode, summary if isinstance(summary, dict) else {}, ([*out, *err] or ["no output"])[-1]


def run(loader: dict[str, Any], busy_seconds: float) -> tuple[dict[str, Any], str | None]:
    """Run a loader; wait for a run that holds its lock.

    :param loader: name, command, settings and variables, as in the module's options
    :returns: its summary, and a sentence when it failed
    """
    name, command = loader["name"], loader["command"]
    give_up = time.monotonic() + busy_seconds
    try:
        while (answer := run_once(command))[0] == EX_TEMPFAIL and time.monotonic() < give_up:
            time.sleep(PAUSE)
    except OSError as error:
        return {}, f"{name} cannot be run: {command}: {error.strerror}."
    code, summary, last_line = answer
    if code == 0 and summary:
        return summary, None
    if code == EX_CONFIG:
        way = f"Mend {' or '.join(loader['variables'])} and deploy again."
    else:
        way = f"Try '{command} check'; its settings are in {loader['settings']}."
    return summary, f"{name} ended with exit code {code}: {str(summary.get('error') or last_line).rstrip('.')}. {way}"


def main() -> None:
    """Entry point for Ansible."""
    module = AnsibleModule(
        argument_spec={
            "loaders": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "command": {"type": "path", "required": True},
                    "settings": {"type": "path", "required": True},
                    "variables": {"type": "list", "elements": "str", "required": True},
                },
            },
            "busy_seconds": {"type": "int", "default": 300},
        },
    )
    loaders = module.params["loaders"]
    with ThreadPoolExecutor(max_workers=len(loaders) or 1) as pool:
        runs = list(pool.map(lambda loader: run(loader, module.params["busy_seconds"]), loaders))
    loaded = {loader["name"]: summary for loader, (summary, _) in zip(loaders, runs, strict=True)}
    result = {"changed": any(summary.get("rows_written", 0) > 0 for summary, _ in runs), "loaded": loaded}
    failures = [sentence for _, sentence in runs if sentence]
    if failures:
        module.fail_json(msg=" ".join(failures), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
