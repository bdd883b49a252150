"""Time, memory and API calls of the Yandex Direct loader over 2,000 ads.

The loader, the sandbox and the engine each run in a process of their own, as they do when deployed. Needs the
locked developer tools (requirements/develop.txt):

    python integrations/yandex_direct/bench/reread.py [--ads 2000] [--days 400]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
# what the loader has in its image
LOADER = [
    REPOSITORY / folder for folder in ("module_utils", "packages/zakaz_common/src", "integrations/yandex_direct/src")
]
SHARED = ("bench", "packages/zakaz_common/src/zakaz_common/testing", "services/api_sandbox/src")
sys.path[:0] = [*map(str, LOADER), *(str(REPOSITORY / folder) for folder in SHARED)]

import warehouse_engine  # noqa: E402
from api_sandbox.testing import sandbox_process  # noqa: E402
from bounds import Bounds  # noqa: E402


def load(arguments: list[str], environment: dict[str, str]) -> dict:
    """One run of the loader in a process; its last log line with CPU seconds and peak memory in MiB."""
    process = subprocess.Popen(
        [sys.executable, "-m", "yandex_direct", *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    lines = process.stdout.read().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the loader failed: {lines[-1]}")
    cpu = usage.ru_utime + usage.ru_stime
    return {**json.loads(lines[-1]), "cpu_s": cpu, "peak_mib": usage.ru_maxrss / 1024}


def report(name: str, line: dict, calls: dict[str, int]) -> None:
    """One row of the table."""
    print(
        f"{name:<34}{line['duration_s']:>8.1f}{line['cpu_s']:>8.1f}{line['peak_mib']:>8.0f}"
        f"{calls['reports']:>8}{calls['all']:>7}{line['rows_read']:>10,}{line['rows_written']:>10,}",
        flush=True,
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ads", type=int, default=2000)
    parser.add_argument("--days", type=int, default=400)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        sandbox_process(
            orders=2000,
            season_days=options.days,
            vk_banners=0,
            yandex_direct_ads=options.ads,
            yandex_direct_requests=10**6,
            yandex_direct_units=10**9,
            yandex_direct_online_rows=10**6,
        ) as api,
    ):
        engine = warehouse_engine.engine(folder)
        port = engine.url.rsplit(":", 1)[1]
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, LOADER)),
            "CLICKHOUSE_HOST": "127.0.0.1",
            "CLICKHOUSE_PORT": port,
            "CLICKHOUSE_USER": "default",
            "CLICKHOUSE_PASSWORD": "",
            "LOADER_STATE_DIR": folder,
            "YANDEX_DIRECT_BASE_URL": f"{api.url}/api/yandex_direct",
            "YANDEX_DIRECT_TOKEN": api.truth("yandex_direct")["tokens"][0],
            "YANDEX_DIRECT_REQUESTS_PER_SECOND": "1000",
        }

        def measure(name: str, *arguments: str) -> dict[str, int]:
            api.reset()
            line = load(list(arguments), environment)
            calls = {"all": api.count(), "reports": api.count("*/reports")}
            report(name, line, calls)
            return calls

        def first_run_of_the_day() -> None:
            engine.command(
                "ALTER TABLE meta.watermarks DELETE WHERE endsWith(dataset, '/daily_deep') SETTINGS mutations_sync = 2"
            )

        print(f"{options.ads} ads, {options.days} days")
        heads = ("run", "time s", "CPU s", "MiB", "reports", "calls", "read", "written")
        print(f"{heads[0]:<34}" + "".join(f"{h:>{w}}" for h, w in zip(heads[1:], (8, 8, 8, 8, 7, 10, 10), strict=True)))
        measure("first run, 366 days", "run")
        again = measure("7 days again, nothing new", "run")
        first_run_of_the_day()
        measure("30 days again, nothing new", "run")
        api.mutate("revise_yandex_direct_days", days=29)
        first_run_of_the_day()
        deep = measure("30 days again, all revised", "run")
        print()
        bounds = Bounds("yandex_direct_reread")
        bounds.at_most("reports of a re-read of 30 days over the two there are", deep["reports"] / 2, 1)
        bounds.at_most("calls of a run in which nothing is new over the four it needs", again["all"] / 4, 1)
        return bounds.close()


if __name__ == "__main__":
    sys.exit(main())
