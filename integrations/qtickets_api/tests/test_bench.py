"""The bench of this loader still measures it; its figures are make bench's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[1] / "bench/speed.py"


def test_it_reads_the_orders_it_makes() -> None:
    command = [sys.executable, str(BENCH), "--orders", "120", "--only", "python"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("120 orders, ")
    assert "orders/s" in done.stdout
