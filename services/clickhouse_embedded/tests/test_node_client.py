"""The official Node client; its contract is node/contract.test.mjs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from running_server import PASSWORD

CONTRACT = Path(__file__).parent / "node"


@pytest.mark.slow
def test_node_contract(server, tmp_path):
    assert shutil.which("npm"), "npm is not installed: apt-get install npm"
    place = tmp_path / "node"
    shutil.copytree(CONTRACT, place)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=place, check=True, capture_output=True, timeout=300)
    environment = {"CLICKHOUSE_URL": server.url, "CLICKHOUSE_USER": "admin", "CLICKHOUSE_PASSWORD": PASSWORD}
    done = subprocess.run(
        ["node", "--test", "contract.test.mjs"],
        cwd=place,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
