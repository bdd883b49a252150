"""kill -9 at random moments: the next run ends equal to the cabinet, every time."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("VK_ADS_KILL_ROUNDS", "50"))


def test_killed_at_random_moments_and_repeated(loader, api, http_port) -> None:
    first, last = api.season.first_day.isoformat(), api.season.season_end.isoformat()
    values = {name.upper(): str(value) for name, value in loader.settings.items()}
    environment = values | {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "CLICKHOUSE_HOST": "127.0.0.1",
        "CLICKHOUSE_PORT": str(http_port),
        "CLICKHOUSE_USER": "default",
        "CLICKHOUSE_PASSWORD": "",
        "LOADER_STATE_DIR": str(loader.state_dir),
        "VK_ADS_REQUESTS_PER_SECOND": "1000",
    }

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "vk_ads", "backfill", "--from", first, "--to", last]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert "run_started" in process.stdout.readline()
        return process

    process = start()
    began = time.monotonic()
    assert process.wait(60) == 0
    duration = time.monotonic() - began
    chance = random.Random(20261123)
    killed = finished = 0
    for number in range(ROUNDS):
        api.mutate("revise_vk_days", days=45)
        process = start()
        time.sleep(chance.uniform(0, duration))
        process.send_signal(signal.SIGKILL)
        finished += process.wait(60) == 0
        killed += process.returncode == -signal.SIGKILL
        process.stdout.close()
        if number % 2:
            # The mart is brought up to date even by a run whose own window has nothing new.
            assert loader.run() == 0
            [(staged, shown)] = loader.rows(
                "SELECT (SELECT sum(spend) FROM zakaz.stg_vk_ads_daily FINAL), "
                "(SELECT sum(spend) FROM zakaz.dm_ads_daily FINAL)"
            )
            assert staged == shown, number
        assert loader.backfill(api.season.first_day, api.season.season_end) == 0, number
        loader.assert_equal_to(api.season)
    print(f"killed {killed}, finished before the signal {finished}, window of {duration:.2f} s")
    assert killed >= ROUNDS // 2
    assert api.count("*/token.json") == 1


def test_two_runs_at_once_one_works_and_one_leaves(loader, api, http_port) -> None:
    api.inject("slow", route="*/ad_groups.json", seconds=2)
    where = {"CLICKHOUSE_PORT": str(http_port), "CLICKHOUSE_USER": "default", "CLICKHOUSE_PASSWORD": ""}
    environment_run = [sys.executable, "-m", "vk_ads", "run"]
    values = {name.upper(): str(value) for name, value in loader.settings.items()}
    environment = (
        values
        | where
        | {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "CLICKHOUSE_HOST": "127.0.0.1",
            "LOADER_STATE_DIR": str(loader.state_dir),
        }
    )
    processes = [subprocess.Popen(environment_run, env=environment, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert sorted(process.wait(60) for process in processes) == [0, 75]
    loader.assert_equal_to(api.season)
