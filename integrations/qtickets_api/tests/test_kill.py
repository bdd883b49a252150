"""kill -9 at random moments, and two runs at once: real processes, real sockets."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from api_sandbox.testing import sandbox_process

pytestmark = pytest.mark.slow

ROUNDS = 50
REPOSITORY = Path(__file__).resolve().parents[3]
SOURCES = os.pathsep.join(str(REPOSITORY / p) for p in ("integrations/qtickets_api/src", "packages/zakaz_common/src"))


@pytest.fixture
def start(loader, api):
    """Start the loader as a process of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": SOURCES,
        "CLICKHOUSE_HOST": "127.0.0.1",
        "CLICKHOUSE_PORT": str(urlsplit(loader.client.url).port),
        "CLICKHOUSE_USER": "default",
        "CLICKHOUSE_PASSWORD": "",
        "LOADER_STATE_DIR": str(loader.state_dir),
        "LOADER_BATCH_ROWS": "100",
        "QTICKETS_BASE_URL": api.qtickets_url,
        "QTICKETS_TOKEN": api.qtickets_token,
        "QTICKETS_REQUESTS_PER_SECOND": "1000",
        "QTICKETS_OPTIONAL_DATASETS": "none",
    }

    def go(**more):
        return subprocess.Popen(
            [sys.executable, "-m", "qtickets_api", "run"],
            env={**environment, **more},
            stdout=subprocess.PIPE,
            text=True,
        )

    return go


def finish(process):
    out, _ = process.communicate(timeout=120)
    return process.returncode, [json.loads(line) for line in out.splitlines()]


def test_a_run_killed_anywhere_is_made_good_by_the_next(loader, api, start):
    seed = int(os.environ.get("KILL_SEED", "20261123"))
    chance = random.Random(seed)
    began = time.monotonic()
    assert finish(start())[0] == 0
    whole = time.monotonic() - began
    interrupted = 0
    for turn in range(ROUNDS):
        if turn % 5 == 0:  # a first run into an empty warehouse, too
            for table in ("meta.watermarks", "zakaz.stg_qtickets_orders", "zakaz.dm_sales_daily"):
                loader.client.command(f"TRUNCATE TABLE {table}")
        api.mutate("insert_orders", count=25, at="-600")
        api.mutate("refund_orders", count=6, at="-550")
        api.mutate("cancel_orders", count=3, at="-500")
        process = start()
        time.sleep(chance.uniform(0.25, 1.0) * whole)
        process.send_signal(signal.SIGKILL)
        code, _ = finish(process)
        interrupted += code == -signal.SIGKILL
        code, lines = finish(start())
        assert code == 0, (turn, lines[-1])
        loader.assert_equal_to(api.season)
    assert interrupted > ROUNDS // 2, "most runs were killed while they worked"


def test_of_two_runs_at_once_one_works_and_the_other_leaves(loader, api, start):
    api.inject("slow", route="*/orders", seconds=1.5)
    first = start()
    assert "run_started" in first.stdout.readline()
    time.sleep(0.3)
    code, lines = finish(start())
    assert code == 75
    assert "another run of qtickets_api is working: run " in lines[-1]["error"]
    assert f"pid {first.pid}" in lines[-1]["error"]
    assert finish(first)[0] == 0
    loader.assert_equal_to(api.season)
    assert finish(start())[0] == 0


def test_sigterm_ends_a_run_cleanly(loader, api, start):
    api.inject("slow", route="*/orders", seconds=20)
    process = start()
    assert "run_started" in process.stdout.readline()
    time.sleep(0.5)
    process.terminate()
    code, lines = finish(process)
    assert code == 75
    assert "SIGTERM asked the run to stop" in lines[-1]["error"]
    api.reset()
    assert finish(start())[0] == 0
    loader.assert_equal_to(api.season)


def test_the_warehouse_equals_a_source_of_a_hundred_thousand_orders(engine, tmp_path):
    """Field by field; the views to the kopeck; a second run writes nothing."""
    from conftest import Loader
    from zakaz_common.testing import warehouse_engine

    warehouse_engine.empty(engine)
    orders = int(os.environ.get("SEASON_ORDERS", "100000"))
    with sandbox_process(orders=orders, season_days=120, vk_banners=20) as api:
        loader = Loader(engine, tmp_path, {"qtickets_base_url": api.qtickets_url, "qtickets_token": api.qtickets_token})
        assert loader.run() == 0
        loader.assert_equal_to(api.season)
        before = loader.rows("SELECT * EXCEPT (_loaded_at) FROM bi.v_sales_daily ORDER BY ALL")
        assert loader.run() == 0
        assert loader.last_run("rows_written") == (0,)
        assert loader.rows("SELECT * EXCEPT (_loaded_at) FROM bi.v_sales_daily ORDER BY ALL") == before
