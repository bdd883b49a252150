"""Write down which tasks of a run changed something, or would have: what a prediction is compared by."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: changed_tasks
type: notification
short_description: Record the changed tasks of each play of the scenario's converge playbook
description:
  - Appends one JSON line for each run to C(runs.jsonl) in Molecule's folder of the scenario. Without that folder it
    does nothing.
"""


class CallbackModule(CallbackBase):
    """Entry point for Ansible."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "changed_tasks"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        folder = os.environ.get("MOLECULE_EPHEMERAL_DIRECTORY")
        self._file = Path(folder, "runs.jsonl") if folder else None
        self._run: dict[str, Any] = {"playbook": "", "check": False, "changed": [], "roles": []}

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._run["playbook"] = Path(playbook._file_name).name

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._run["check"] = bool(play.check_mode)

    def v2_runner_on_ok(self, result: Any) -> None:
        data = result.result if hasattr(result, "result") else result._result
        task = result.task if hasattr(result, "task") else result._task
        role = getattr(task, "_role", None)
        name = role.get_name(include_role_fqcn=False) if role else ""
        if name not in self._run["roles"]:
            self._run["roles"].append(name)
        if data.get("changed"):
            self._run["changed"].append([name, task.get_name(include_role_fqcn=False).removeprefix(f"{name} : ")])

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if self._file:
            with self._file.open("a") as file:
                file.write(json.dumps(self._run) + "\n")
