"""Time, memory and API calls of the VK Реклама loader over 2,000 banners.

Needs the locked developer tools (requirements/develop.txt):

    python integrations/vk_ads/bench/reread.py [--banners 2000] [--days 400] [--accounts 3]
"""

from __future__ import annotations

import argparse
import json
import math
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
    parser.add_argument("--banners", type=int, default=2000)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--accounts", type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        sandbox_process(
            orders=2000,
            season_days=options.days,
            vk_accounts=options.accounts,
            vk_banners=options.banners,
            vk_rps=10**5,
            vk_hourly=10**9,
            vk_daily=10**9,
        ) as api,
    ):
        accounts = [{"name": n, "client_id": i, "client_secret": s} for i, s, n in api.vk_clients]
        settings = {
            "VK_ADS_BASE_URL": api.url,
            "VK_ADS_ACCOUNTS": json.dumps(accounts),
            "VK_ADS_REQUESTS_PER_SECOND": "1000",
        }
        print(f"{options.banners} banners in {options.accounts} cabinets, {options.days} days")
        runs = LoaderRuns("vk_ads", api, folder, settings, counted=("stat.", "*/statistics/*"))

        def first_run_of_the_day() -> None:
            runs.engine.command(
                "ALTER TABLE meta.etl_runs UPDATE window_from = window_to WHERE 1 SETTINGS mutations_sync = 2"
            )

        runs.measure("first run, 366 days", "run")
        runs.measure("3 days again, nothing new", "run")
        first_run_of_the_day()
        runs.measure("30 days again, nothing new", "run")
        api.mutate("revise_vk_days", days=29)
        first_run_of_the_day()
        calls = runs.measure("30 days again, all revised", "run")["counted"]
        least = math.ceil(options.banners / 200) * options.accounts
        print()
        bounds = Bounds("vk_ads_reread")
        bounds.at_most("statistics calls of a re-read of 30 days over those allowed", calls / least, 1)
        return bounds.close()


if __name__ == "__main__":
    sys.exit(main())
