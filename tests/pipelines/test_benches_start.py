"""Benches run nightly only: that each still finds what it imports is noticed here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
BENCHES = sorted(
    path
    for folder in ("bench", "integrations/*/bench")
    for path in REPOSITORY.glob(f"{folder}/*.py")
    if "argparse" in path.read_text()
)


@pytest.mark.parametrize("bench", BENCHES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_it_starts_from_a_checkout(bench: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(bench), "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ")
