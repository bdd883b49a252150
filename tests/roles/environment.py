"""A Python environment as a deployment leaves it, without packages."""

from __future__ import annotations

import runpy
import venv
from pathlib import Path

from tests.makefile import REPOSITORY

PROOF = runpy.run_path(str(REPOSITORY / "module_utils" / "python_environment.py"))


def make_environment(folder: Path) -> None:
    """Make one that is whole."""
    venv.create(folder, symlinks=True, with_pip=False)
    (folder / "complete").write_text(PROOF["digest"](folder))
