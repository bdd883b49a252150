"""The loader's command line."""

from __future__ import annotations

from zakaz_common.cli import LoaderSpec, make_app
from zakaz_common.deadline import Deadline

from yandex_direct import LOADER, __version__, load
from yandex_direct.access.accounts import configured_accounts
from yandex_direct.client import YandexDirectClient
from yandex_direct.dry_run import dry_run
from yandex_direct.marks import Marks
from yandex_direct.settings import PREFIX, YandexDirectSettings


def check_api(settings: YandexDirectSettings, deadline: Deadline) -> str:
    """Ask every account for its currency and its campaigns; reads only."""
    found, marks = [], Marks()
    for account in configured_accounts(settings):
        client = YandexDirectClient(settings, account, "check", deadline)
        try:
            currency = load.money_of(account.name, client).currency
            marks.claim(account, client.login)
            found.append(f"{account.name}: {client.count_campaigns()} campaigns in {currency}")
        finally:
            client.close()
    return ", ".join(found)


SPEC = LoaderSpec(
    name=LOADER,
    version=__version__,
    settings=YandexDirectSettings,
    env_prefix=PREFIX,
    run=load.run,
    dry_run=dry_run,
    backfill=load.backfill,
    check_api=check_api,
    tables=(
        "stg_yandex_direct_daily",
        "stg_yandex_direct_campaigns_daily",
        "dim_yandex_direct_ads",
        "dim_yandex_direct_ad_history",
        "dim_ads",
        "dm_ads_daily",
        "dim_city_alias",
        "dim_events",
        "meta.etl_runs",
        "meta.watermarks",
    ),
)

app = make_app(SPEC)
