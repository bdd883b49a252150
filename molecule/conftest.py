"""What went wrong on the host, printed under a test that failed; and the sources that every scenario deploys."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# the helper of the other tests; last, so that it hides nobody's module
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from sources import ENABLED, unit_of

SECRETS = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "controller", "secrets")
LOOK = (
    "systemctl --failed --no-legend --plain",
    "docker ps --all --format 'table {{.Names}}\t{{.Image}}\t{{.Status}}'",
    "journalctl --no-pager --priority warning --lines 40 --output cat",
    "docker logs --tail 20 zakaz-clickhouse",
)


def pytest_generate_tests(metafunc):
    """Run a test that asks for a source, or for the unit of a loader, for each of the registry."""
    if "source" in metafunc.fixturenames:
        metafunc.parametrize("source", ENABLED)
    if "loader" in metafunc.fixturenames:
        metafunc.parametrize("loader", [unit_of(source) for source in ENABLED])


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
