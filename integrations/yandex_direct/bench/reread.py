"""Time, memory and API calls of the Yandex Direct loader over 2,000 ads.

Needs the locked developer tools (requirements/develop.txt):

    python integrations/yandex_direct/bench/reread.py [--ads 2000] [--days 400]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(REPOSITORY / folder) for folder in ("bench", "services/api_sandbox/src")]

from api_sandbox.testing import sandbox_process  # noqa: E402
from bounds import Bounds  # noqa: E402
from loader_runs import LoaderRuns  # noqa: E402


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
        settings = {
            "YANDEX_DIRECT_BASE_URL": f"{api.url}/api/yandex_direct",
            "YANDEX_DIRECT_TOKEN": api.truth("yandex_direct")["tokens"][0],
            "YANDEX_DIRECT_REQUESTS_PER_SECOND": "1000",
        }
        print(f"{options.ads} ads, {options.days} days")
        runs = LoaderRuns("yandex_direct", api, folder, settings, counted=("reports", "*/reports"))

        def first_run_of_the_day() -> None:
            runs.engine.command(
                "ALTER TABLE meta.watermarks DELETE WHERE endsWith(dataset, '/daily_deep') SETTINGS mutations_sync = 2"
            )

        runs.measure("first run, 366 days", "run")
        again = runs.measure("7 days again, nothing new", "run")
        first_run_of_the_day()
        runs.measure("30 days again, nothing new", "run")
        api.mutate("revise_yandex_direct_days", days=29)
        first_run_of_the_day()
        deep = runs.measure("30 days again, all revised", "run")
        print()
        bounds = Bounds("yandex_direct_reread")
        bounds.at_most("reports of a re-read of 30 days over the two there are", deep["counted"] / 2, 1)
        bounds.at_most("calls of a run in which nothing is new over the four it needs", again["all"] / 4, 1)
        return bounds.close()


if __name__ == "__main__":
    sys.exit(main())
