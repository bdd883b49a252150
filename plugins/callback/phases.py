"""What an operator sees of a run: phases by name, what changed, a sign of life, one clear error, a timetable."""

from __future__ import annotations

import gc
import sys
import threading
import time
from typing import Any

from ansible import constants as C
from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible.utils.color import stringc

DOCUMENTATION = """
name: phases
type: stdout
short_description: Print a run as named phases
description:
  - Prints a line for each role (phase), for each change and for each failure, a sign of life while a task is silent,
    and at the end a timetable of the phases and the counts by host.
  - With several hosts each line of a host carries its name, in the inventory's order, whichever answers first.
  - With C(-v) every task is printed, as in the default output.
options:
  heartbeat:
    description: Seconds of silence after which a running task is named again.
    type: int
    default: 15
    env: [{name: ZAKAZ_HEARTBEAT}]
    ini: [{section: callback_phases, key: heartbeat}]
"""

# What a module's result may hold under these names was asked to stay out of sight.
HIDDEN = "the result is hidden because of no_log"


def failure_text(result: dict[str, Any]) -> str:
    """Return the sentence of a failed result, with its output where the message alone says too little.

    :param result: the module's result
    """
    if result.get("_ansible_no_log"):
        return HIDDEN
    loop = [failure_text(item) for item in result.get("results", []) if isinstance(item, dict) and item.get("failed")]
    text = "; ".join(loop) or str(result.get("msg") or "failed without a message").strip()
    if "rc" in result and result["rc"] != 0:
        tail = (
            "\n".join(part for part in (result.get("stdout"), result.get("stderr")) if part).strip().splitlines()[-15:]
        )
        text = "\n".join([text, *tail])
    elif result.get("exception") and "Traceback" in text:
        text = text.splitlines()[-1]
    return text


def _host(result: Any) -> str:
    host = result.host if hasattr(result, "host") else result._host
    return host.get_name()


class CallbackModule(CallbackBase):
    """Entry point for Ansible."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "phases"

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._phase: str | None = None
        self._phase_started = self._started
        self._durations: dict[str, float] = {}
        self._task = ""
        self._retried: set[str] = set()
        self._task_started = self._spoke = self._started
        self._done = threading.Event()
        self._told: dict[str, str] = {}
        # hosts of the play and of all plays, those whose turn is yet to come, and what is held back until it does
        self._hosts: list[str] = []
        self._seen: list[str] = []
        self._turns: list[str] = []
        self._held: dict[str, list[tuple[str, str | None]]] = {}

    # printing

    def _say(self, text: str, color: str | None = None) -> None:
        with self._lock:
            self._spoke = time.monotonic()
            sys.stdout.write((stringc(text, color) if color else text) + "\n")
            sys.stdout.flush()

    def _of(self, host: str) -> str:
        return f" [{host}]" if len(self._hosts) > 1 else ""

    def _answered(self, host: str, *lines: tuple[str, str | None]) -> None:
        """Say what a host's result is worth, when those before it in the inventory have answered."""
        self._held[host] = list(lines)
        while self._turns and self._turns[0] in self._held:
            self._say_held(self._turns.pop(0))
        if host not in self._turns:
            self._say_held(host)

    def _say_held(self, host: str) -> None:
        for text, color in self._held.pop(host, []):
            self._say(text, color)

    def _end_task(self) -> None:
        """Say what was held back for hosts that had nothing to do."""
        for host in self._turns:
            self._say_held(host)
        self._turns = list(self._hosts)

    def _watch(self) -> None:
        interval = self.get_option("heartbeat")
        while not self._done.wait(1):
            if self._task and time.monotonic() - self._spoke >= interval:
                self._say(f"    … {self._task} ({time.monotonic() - self._task_started:.0f} s)", C.COLOR_VERBOSE)

    def _enter_phase(self, name: str | None) -> None:
        now = time.monotonic()
        if self._phase and self._phase != name:
            self._durations[self._phase] = self._durations.get(self._phase, 0) + now - self._phase_started
        if name and name != self._phase:
            self._say(f"▸ {name}", C.COLOR_HIGHLIGHT)
        if name != self._phase:
            self._phase, self._phase_started = name, now

    # events

    def v2_playbook_on_start(self, playbook: Any) -> None:
        threading.Thread(target=self._watch, daemon=True).start()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._end_task()
        self._hosts = [host.name for host in play.get_variable_manager()._inventory.get_hosts(play.hosts)]
        self._seen += [host for host in self._hosts if host not in self._seen]
        if play.check_mode:
            self._say(f"▸ {play.get_name()} (check mode: nothing is changed)", C.COLOR_HIGHLIGHT)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._end_task()
        # a task runs in a fork, whose collector would walk through all that the controller holds: a tenth of the time
        gc.freeze()
        role = getattr(task, "_role", None)
        # a role that is included belongs to the phase that includes it
        parent = task
        while parent := getattr(parent, "_parent", None):
            role = getattr(parent, "_role", None) or role
        self._enter_phase(role.get_name(include_role_fqcn=False).replace("_", " ") if role else "prepare")
        self._task, self._task_started = task.name or task.action, time.monotonic()
        self._retried = set()
        self._spoke = time.monotonic()
        if self._display.verbosity:
            self._say(f"    {self._task}")

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self.v2_playbook_on_task_start(task, False)

    def v2_runner_on_ok(self, result: Any) -> None:
        data = result.result if hasattr(result, "result") else result._result
        task = result.task if hasattr(result, "task") else result._task
        host = _host(result)
        lines: list[tuple[str, str | None]] = []
        if task.action in ("ansible.builtin.debug", "debug"):
            message = data.get("msg", "")
            text = "\n".join(map(str, message)) if isinstance(message, list) else str(message)
            lines.append((self._screen(host, text), None))
        elif data.get("changed"):
            lines.append((f"    changed: {self._task}{self._of(host)}{self._took()}", C.COLOR_CHANGED))
            lines += self._differences(data)
        elif self._display.verbosity:
            lines.append((f"    ok: {self._task}{self._of(host)}", None))
        if len(self._hosts) > 1:
            lines += [(f"[WARNING]: [{host}] {warning}", C.COLOR_WARN) for warning in data.pop("warnings", None) or []]
        self._handle_warnings(data)
        self._answered(host, *lines)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._answered(_host(result))

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        data = result.result if hasattr(result, "result") else result._result
        host, text = _host(result), failure_text(data)
        # a rescue that keeps a record fails again with the same words
        if ignore_errors or self._told.get(host, "").startswith(text):
            self._answered(host)
            return
        self._told[host] = text
        self._answered(host, (f"  ✗ {self._task} [{host}]\n{text}", C.COLOR_ERROR))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        data = result.result if hasattr(result, "result") else result._result
        host = _host(result)
        self._answered(host, (f"  ✗ {host} cannot be reached: {failure_text(data)}", C.COLOR_UNREACHABLE))

    def v2_runner_retry(self, result: Any) -> None:
        # once: a wait of many tries is one wait
        host = _host(result)
        if host not in self._retried:
            self._retried.add(host)
            self._say(f"    … {self._task}{self._of(host)}: trying again", C.COLOR_VERBOSE)

    def _screen(self, host: str, text: str) -> str:
        """What a task tells, below the name of its host where there are several."""
        if len(self._hosts) < 2:
            return text
        return f"\n[{host}]\n{text.strip(chr(10))}" if "\n" in text else f"[{host}] {text}"

    def _took(self) -> str:
        seconds = time.monotonic() - self._task_started
        return f" ({seconds:.0f} s)" if seconds >= 2 else ""

    def _differences(self, data: dict[str, Any]) -> list[tuple[str, str | None]]:
        if not (context.CLIARGS.get("diff") or C.DIFF_ALWAYS):
            return []
        items = [item for item in data.get("results", [data]) if isinstance(item, dict)]
        return [
            (self._get_diff(item["diff"]).rstrip(), None)
            for item in items
            if item.get("diff") and item.get("changed", True)
        ]

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._done.set()
        self._end_task()
        self._enter_phase(None)
        if self._durations:
            self._say("\nTime by phase")
            for name, seconds in self._durations.items():
                if seconds >= 0.5:
                    self._say(f"  {name:<20} {seconds:6.1f} s")
            self._say(f"  {'total':<20} {time.monotonic() - self._started:6.1f} s")
        for host in [*self._seen, *sorted(set(stats.processed) - set(self._seen))]:
            if host not in stats.processed:
                continue
            counts = stats.summarize(host)
            failed = counts["failures"] + counts["unreachable"]
            color = C.COLOR_ERROR if failed else C.COLOR_CHANGED if counts["changed"] else C.COLOR_OK
            self._say(f"{host}: ok={counts['ok']} changed={counts['changed']} failed={failed}", color)
