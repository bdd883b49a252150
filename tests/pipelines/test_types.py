"""mypy looks at all Python that is not a test."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

from tests.makefile import REPOSITORY


def test_every_program_is_checked():
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    looked_at = {found.resolve() for pattern in settings["files"] for found in REPOSITORY.glob(pattern)}
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    left_out = [
        name
        for name in listed.stdout.splitlines()
        if not {"tests", "molecule"} & set(Path(name).parts)
        and not {(REPOSITORY / name).resolve(), *(REPOSITORY / name).resolve().parents} & looked_at
    ]
    assert not left_out, f"add them to files of [tool.mypy] in pyproject.toml: {left_out}"
