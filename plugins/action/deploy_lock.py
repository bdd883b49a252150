"""The controller's half of the deploy lock: who asks, and whether a lock that was left behind may be taken over."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

PROC = Path("/proc")


def process_start(pid: int) -> str | None:
    """Return when a process of this machine started, in clock ticks since boot; None when there is none.

    A process id alone is given out again.
    """
    try:
        # the name, in parentheses, may hold spaces
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def controller_identity() -> str:
    """Name this machine, from its boot to its end, as far as process ids mean the same."""
    boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {(PROC / 'self/ns/pid').readlink()}"


def this_holder(repository: str, label: str) -> dict[str, Any]:
    """Describe this run of ansible-playbook.

    :param repository: folder whose commit is deployed
    :param label: what the operator started; the playbook's name when empty
    """
    # a task runs in a child of ansible-playbook
    pid = os.getppid()
    described = subprocess.run(
        ["git", "-C", repository, "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
    )
    started = [Path(name).name for name in context.CLIARGS.get("args") or ()]
    return {
        "operator": os.environ.get("SUDO_USER") or getpass.getuser(),
        "controller": socket.gethostname(),
        "playbook": label or ", ".join(started) or "ansible",
        "commit": described.stdout.strip() or "unknown",
        "process": {"machine": controller_identity(), "pid": pid, "start": process_start(pid)},
    }


def gone(held: dict[str, Any]) -> bool | None:
    """Whether the run that took a lock has ended: None when it ran on another machine, so nobody here can know."""
    process = held.get("process") or {}
    if process.get("machine") != controller_identity():
        return None
    return process_start(process["pid"]) != process["start"]


def sentence(held: dict[str, Any], age_seconds: float) -> str:
    """Say who holds a lock, for what and since when, in the time of whoever reads it."""
    since = datetime.fromtimestamp(held["since"]).astimezone()
    who = f"{held['operator']}@{held['controller']}" if "controller" in held else str(held["operator"])
    what = f" runs {held['playbook']} (commit {held['commit']})" if "playbook" in held else " works"
    return f"{who}{what} on it since {since:%Y-%m-%d %H:%M:%S %z} ({age_seconds // 60:.0f} min ago)"


class ActionModule(ActionBase):
    """Entry point for Ansible."""

    _supports_check_mode = True
    _VALID_ARGS = frozenset({"path", "state", "label", "repository", "break_lock", "stale_minutes"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        want = self._task.args
        asked = {
            "path": want["path"],
            "state": want["state"],
            "holder": this_holder(want.get("repository", "."), want.get("label", "")),
        }
        answer = self._ask(asked, task_vars)
        held = answer["holder"]
        ours = held.get("process") == asked["holder"]["process"]
        if want["state"] != "taken" or not held or ours:
            return answer
        who = sentence(held, answer["age_seconds"])
        if self._task.check_mode:
            answer["warnings"] = [f"What follows may be out of date: {who}."]
            return answer

        ended = gone(held)
        stale_minutes = float(want["stale_minutes"])
        if not ended:
            if ended is False:
                way = f"Wait for that run, or end it (process {held['process']['pid']} of this machine)"
            elif not want.get("break_lock"):
                way = "Wait for that run; if it is dead, repeat with ARGS='-e deploy_lock_break=true'"
            elif answer["age_seconds"] < stale_minutes * 60:
                way = (
                    f"That is less than deploy_lock_stale_minutes={stale_minutes:g}, so it was not broken."
                    " Wait, or set that lower when you know that the run is dead"
                )
            else:
                way = ""
            if way:
                raise AnsibleActionFail(f"This deployment is locked: {who}. {way}.")
        answer = self._ask({**asked, "replaces": held}, task_vars)
        if answer["holder"].get("process") != asked["holder"]["process"]:
            # another operator was quicker
            raise AnsibleActionFail(f"This deployment is locked: {sentence(answer['holder'], answer['age_seconds'])}.")
        answer["warnings"] = [f"Took over a lock that was left behind: {who}."]
        return answer

    def _ask(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        answer = self._execute_module(module_name="deploy_lock", module_args=arguments, task_vars=task_vars)
        if answer.get("failed") or "holder" not in answer:
            raise AnsibleActionFail(answer.get("msg", "the lock of the deployment cannot be used"), result=answer)
        return answer
