"""What went wrong on the host, printed under a test that failed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

SECRETS = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "controller", "secrets")
LOOK = (
    "systemctl --failed --no-legend --plain",
    "docker ps --all --format 'table {{.Names}}\t{{.Image}}\t{{.Status}}'",
    "journalctl --no-pager --priority warning --lines 40 --output cat",
    "docker logs --tail 20 zakaz-clickhouse",
)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Add the host's own account to the report of a failed test."""
    outcome = yield
    report = outcome.get_result()
    host = getattr(item, "funcargs", {}).get("host")
    if report.when == "call" and report.failed and host:
        for command in LOOK:
            seen = host.run(command)
            report.sections.append((command, seen.stdout + seen.stderr))


@pytest.fixture(scope="session")
def secret_names() -> list[str]:
    """Names of the generated passwords of the deployment under test."""
    return sorted(path.name for path in SECRETS.iterdir())


@pytest.fixture(scope="session")
def secrets() -> Callable[[str], str]:
    """Read a generated password by its name; a user without one has none."""
    return lambda name: (SECRETS / name).read_text().strip() if (SECRETS / name).exists() else ""
