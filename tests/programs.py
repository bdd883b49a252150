"""Processes that tests start: programs that pip does not install, and what each needs to be measured."""

from __future__ import annotations

import os
import shutil

import pytest

# what coverage gives the processes it measures, for those that get an environment of their own
MEASURED = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


def require_program(name: str) -> str:
    """The path of a program.

    Where everything has to be proved (`make test`, `make unit`, a pipeline) a missing one fails the test; elsewhere
    the test is skipped. Both say what to do.
    """
    found = shutil.which(name)
    if found is None:
        words = f"{name} is not installed: run scripts/install_test_tools.sh as root"
        if os.environ.get("ZAKAZ_REQUIRE_PROGRAMS") or os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return found
