#!/usr/bin/python
# Copyright (c) Zakaz Dashboard contributors
# MIT License (see LICENSE)
"""Ansible module: the audit trail of a deployment, kept on its host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: deployment_history
short_description: Record and read who did what to this deployment
description:
  - Appends one line of JSON to a file that only its owner may read, or reads the file back.
  - A run writes a line when it begins and another when it ends, so a run that was killed shows as a beginning without
    an end.
  - Writing the trail is not a change of the deployment, so the module never reports one.
author:
  - Zakaz Dashboard contributors
attributes:
  check_mode:
    support: full
    description: Nothing is recorded; reading does the same.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Each call appends a line.
options:
  path:
    description: The file. Nothing is recorded while its folder does not exist, because nothing is deployed yet.
    type: path
    required: true
  state:
    description:
      - V(begun) and V(ended) append a line.
      - V(failed) appends a line and then fails with O(reason), so that a run which is being recorded still ends as it
        would have.
      - V(read) returns the lines.
    type: str
    choices: [begun, ended, failed, read]
    required: true
  run:
    description: Name of the run, the same in both of its lines; a beginning without one makes it. An end with an
      empty one is not recorded.
    type: str
  clock:
    description: With O(state=begun), when the run began, in seconds since 1970; now when not given.
    type: float
  entry:
    description: What else the line holds.
    type: dict
    default: {}
  reason:
    description: With O(state=failed), the sentence of the failure.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Note the beginning
  deployment_history:
    path: /opt/zakaz/history.jsonl
    state: begun
    run: 1f0c7a52
    entry: {verb: deploy, who: anna@desk, commit: 44f8d76}

- name: Read the trail
  deployment_history:
    path: /opt/zakaz/history.jsonl
    state: read
  register: trail
"""

RETURN = r"""
run:
  description: Name of the run.
  returned: when state is not read
  type: str
clock:
  description: When the line was made, in seconds since 1970.
  returned: when state is not read
  type: float
noted:
  description: Whether it was recorded.
  returned: when state is not read
  type: bool
lines:
  description: The recorded lines, oldest first; a damaged line is left out.
  returned: when state is read
  type: list
  elements: dict
damaged:
  description: How many lines could not be read.
  returned: when state is read
  type: int
"""

import fcntl
import json
import os
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

# A sentence belongs into the trail, a log does not.
LONGEST_REASON = 500


def append(path: Path, line: dict[str, Any]) -> None:
    """Append a line durably; the end of a run gets the seconds since its beginning.

    :param path: the file; made with mode 0600
    :param line: what to record, with ``run`` and ``clock`` (seconds since 1970)
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "r+", encoding="utf-8", errors="replace") as file:
        # another run may append at the same moment
        fcntl.flock(file, fcntl.LOCK_EX)
        os.fchmod(file.fileno(), 0o600)
        file.seek(0)
        text = file.read()
        if line["event"] != "begun":
            begun = [known for known in parsed(text)[0] if known.get("run") == line["run"]]
            line = {**line, "seconds": round(line["clock"] - begun[0]["clock"], 1)} if begun else line
        # a writer that was killed half-way leaves a line without its end: it must not swallow ours
        file.write("\n" if text and not text.endswith("\n") else "")
        file.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())


def parsed(text: str) -> tuple[list[dict[str, Any]], int]:
    """Return the lines of a trail, oldest first, and how many were damaged."""
    lines, damaged = [], 0
    for line in text.splitlines():
        try:
            found = json.loads(line)
            lines.append({**found, "run": str(found["run"]), "clock": float(found["clock"])})
        except (ValueError, TypeError, KeyError):
            damaged += bool(line.strip())
    return lines, damaged


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["begun", "ended", "failed", "read"], "required": True},
            "run": {"type": "str"},
            "clock": {"type": "float"},
            "entry": {"type": "dict", "default": {}},
            "reason": {"type": "str", "default": ""},
        },
        required_if=[("state", state, ["run"]) for state in ("ended", "failed")],
        supports_check_mode=True,
    )
    path, state = Path(module.params["path"]), module.params["state"]
    run = module.params["run"] or str(uuid.uuid4())
    clock = module.params["clock"] or round(time.time(), 1)
    noted = path.parent.is_dir() and not module.check_mode and module.params["run"] != ""
    try:
        if state == "read":
            there = path.exists()
            lines, damaged = parsed(path.read_text(encoding="utf-8", errors="replace") if there else "")
            module.exit_json(changed=False, lines=lines, damaged=damaged)
        if noted:
            line = {
                **module.params["entry"],
                "run": run,
                "event": state,
                "at": datetime.fromtimestamp(clock, UTC).isoformat(timespec="seconds"),
                "clock": clock,
            }
            if state == "failed":
                line["reason"] = module.params["reason"][:LONGEST_REASON]
            append(path, line)
    except OSError as error:
        told = f"The history {path} cannot be written or read: {error.strerror}. Mend the file or its folder."
        module.fail_json(msg=f"{module.params['reason']} {told}".strip())
    if state == "failed":
        module.fail_json(msg=module.params["reason"], run=run)
    module.exit_json(changed=False, run=run, clock=clock, noted=noted)


if __name__ == "__main__":
    main()
