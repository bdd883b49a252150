"""The notifier as installed on a host: a settings file, a state folder, and stand-ins for systemd's two commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import MEASURED

REPOSITORY = Path(__file__).parents[2]
PROGRAM = [REPOSITORY / "roles" / "alerts" / "files", REPOSITORY / "module_utils"]
UNIT = "zakaz-ticket-shop.service"


class Host:
    """A host with the notifier on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.channels, self.severities = folder, {}, {}
        self.settings = folder / "alerts.json"
        self.state_dir = folder / "alerts"
        (folder / "bin").mkdir()
        self.journal("")

    def journal(self, text: str, *, knows_the_run: bool = True) -> None:
        """What journalctl answers; it may know the unit that wrote, and not which of its runs."""
        (self.folder / "journal").write_text(text)
        fake = self.folder / "bin" / "journalctl"
        unknown = "" if knows_the_run else "case $* in *_SYSTEMD_INVOCATION_ID=*) exit 0;; esac\n"
        fake.write_text(f"#!/bin/sh\n{unknown}cat '{self.folder}/journal'\n")
        fake.chmod(0o755)

    def alert(self, *arguments: str, write_settings: bool = True, **environment: str) -> subprocess.CompletedProcess:
        """Run the notifier as the unit does."""
        if write_settings:
            self._write_settings()
        code = (
            f"import sys; sys.path[:0] = {list(map(str, PROGRAM))!r}; from pathlib import Path;"
            f"from zakaz_alert.command_line import main; sys.exit(main(Path({str(self.settings)!r})))"
        )
        return subprocess.run(
            [sys.executable, "-I", "-c", code, *arguments],
            env={"PATH": f"{self.folder}/bin:{os.environ['PATH']}", **MEASURED, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def _write_settings(self) -> None:
        self.settings.write_text(
            json.dumps(
                {
                    "deployment": "zakaz",
                    "state_dir": str(self.state_dir),
                    "secrets_dir": str(self.folder),
                    "runbooks": "docs/operations",
                    "prefix": "zakaz-",
                    "pages": {"ticket-shop": "loader-failed.md", "": "unit-failed.md"},
                    "severities": self.severities,
                    "channels": self.channels,
                    "timeout": 5,
                    "retry_delays": [0.05, 0.05],
                }
            )
        )

    def ended(
        self, result: str, status: str = "0", unit: str = UNIT, *, write_settings: bool = True
    ) -> subprocess.CompletedProcess:
        """A unit ends, and systemd starts the notifier for it."""
        return self.alert(
            "unit",
            unit,
            write_settings=write_settings,
            MONITOR_UNIT=unit,
            MONITOR_SERVICE_RESULT=result,
            MONITOR_EXIT_STATUS=status,
            MONITOR_INVOCATION_ID="0" * 32,
        )

    def fails(self, status: str = "69", unit: str = UNIT) -> subprocess.CompletedProcess:
        return self.ended("exit-code", status, unit)

    def works(self, unit: str = UNIT) -> subprocess.CompletedProcess:
        return self.ended("success", unit=unit)

    def state(self) -> dict:
        return json.loads((self.state_dir / "state.json").read_text())


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)
