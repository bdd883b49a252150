"""Runs of a loader over the simulator and an engine: time, memory and API calls of each.

The loader, the simulator and the engine each run in a process of their own, as they do when deployed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
#: What every loader has in its image beside its own code.
IN_IMAGES = [REPOSITORY / folder for folder in ("module_utils", "packages/zakaz_common/src")]
SHARED = ("packages/zakaz_common/src/zakaz_common/testing", "services/api_sandbox/src")
sys.path[:0] = [*map(str, IN_IMAGES), *(str(REPOSITORY / folder) for folder in SHARED)]

import warehouse_engine  # noqa: E402
from api_sandbox.testing import Sandbox  # noqa: E402


class LoaderRuns:
    """A loader over an empty warehouse; prints a table with a row a run.

    :param loader: its name, which is also its package's
    :param api: the simulator, in a process of its own
    :param folder: for the engine and the loader's state
    :param settings: variables of the loader's own
    :param counted: what the calls are that have a column beside that of all, and the path they match
    """

    def __init__(
        self, loader: str, api: Sandbox, folder: str, settings: Mapping[str, str], counted: tuple[str, str]
    ) -> None:
        self._loader, self._api = loader, api
        self._counted = counted[1]
        self.engine = warehouse_engine.engine(folder)
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, [*IN_IMAGES, REPOSITORY / "integrations" / loader / "src"])),
            "CLICKHOUSE_HOST": "127.0.0.1",
            "CLICKHOUSE_PORT": self.engine.url.rsplit(":", 1)[1],
            "CLICKHOUSE_USER": "default",
            "CLICKHOUSE_PASSWORD": "",
            "LOADER_STATE_DIR": folder,
            **settings,
        }
        heads = {"time s": 8, "CPU s": 8, "MiB": 8, counted[0]: 8, "calls": 7, "read": 10, "written": 10}
        print(f"{'run':<34}" + "".join(f"{head:>{width}}" for head, width in heads.items()))

    def measure(self, name: str, *arguments: str) -> dict[str, int]:
        """Run the loader and print its row.

        :param name: of the row
        :param arguments: of the loader's command line
        :returns: calls of the API: ``all`` of them, and those ``counted``
        """
        self._api.reset()
        line = self._run(arguments)
        calls = {"all": self._api.count(), "counted": self._api.count(self._counted)}
        print(
            f"{name:<34}{line['duration_s']:>8.1f}{line['cpu_s']:>8.1f}{line['peak_mib']:>8.0f}"
            f"{calls['counted']:>8}{calls['all']:>7}{line['rows_read']:>10,}{line['rows_written']:>10,}",
            flush=True,
        )
        return calls

    def _run(self, arguments: tuple[str, ...]) -> dict:
        """The last line of the log, with CPU seconds and peak memory in MiB."""
        process = subprocess.Popen(
            [sys.executable, "-m", self._loader, *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        lines = process.stdout.read().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"the loader failed: {lines[-1]}")
        cpu = usage.ru_utime + usage.ru_stime
        return {**json.loads(lines[-1]), "cpu_s": cpu, "peak_mib": usage.ru_maxrss / 1024}
