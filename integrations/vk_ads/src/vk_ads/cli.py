"""The loader's command line: the common verbs, and the one that frees VK's token slots."""

from __future__ import annotations

from typing import Annotated

import structlog
import typer
from zakaz_common.cli import LoaderSpec, make_app, settings_or_exit
from zakaz_common.deadline import Deadline
from zakaz_common.errors import ConfigError, LoaderError

from vk_ads import LOADER, __version__, load
from vk_ads.access.accounts import configured_accounts
from vk_ads.access.token_endpoint import VkTokenEndpoint
from vk_ads.client import VkAdsClient
from vk_ads.dry_run import dry_run
from vk_ads.settings import PREFIX, VkAdsSettings

log = structlog.get_logger()


def check_api(settings: VkAdsSettings, deadline: Deadline) -> str:
    """Ask every cabinet for its plans; read only, but it may issue a token, which the next run uses."""
    tokens, token_client = load.open_tokens(settings, deadline)
    counts = []
    for account in configured_accounts(settings):
        client = VkAdsClient(settings, account, tokens, deadline)
        counts.append(f"{account.name}: {client.count('ad_plans')} plans")
        client.close()
    token_client.close()
    return ", ".join(counts)


SPEC = LoaderSpec(
    name=LOADER,
    version=__version__,
    settings=VkAdsSettings,
    env_prefix=PREFIX,
    run=load.run,
    dry_run=dry_run,
    backfill=load.backfill,
    check_api=check_api,
    tables=(
        "stg_vk_ads_daily",
        "dim_vk_banners",
        "dim_vk_banner_history",
        "dim_ads",
        "dm_ads_daily",
        "dm_vk_ads_daily",
        "dim_city_alias",
        "dim_events",
        "meta.etl_runs",
        "meta.watermarks",
    ),
)

app = make_app(SPEC)


@app.command("revoke-tokens")
def revoke_tokens(
    account: Annotated[str, typer.Option(help="Only this cabinet; all of them by default.")] = "",
) -> None:
    """Delete all tokens of a client at VK, when a sixth is refused; other programs lose theirs too."""
    settings = settings_or_exit(SPEC, mode="revoke-tokens")
    tokens, token_client = load.open_tokens(settings, Deadline(60))
    try:
        chosen = [one for one in configured_accounts(settings) if account in ("", one.name)]
        if not chosen:
            raise ConfigError(f"there is no cabinet {account!r} in the settings")
        for one in chosen:
            VkTokenEndpoint(token_client).delete_all(one)
            tokens.forget(one)
            log.info("tokens_revoked", account=one.name)
    except LoaderError as error:
        log.error("revoke_failed", error=str(error), exit_code=error.exit_code)
        raise typer.Exit(error.exit_code) from None
    finally:
        token_client.close()
