"""One run: every cabinet's objects and daily statistics into staging, then the mart.

Data lands first and the watermark last (:mod:`zakaz_common.run`), and every write is an upsert, so a run that
died anywhere is simply repeated. A cabinet that fails by itself (its token, its limits, its answers) does not
stop the others; the run then fails at its end, and says which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

import msgspec
import structlog
from zakaz_common.attribution.city_book import read_city_book
from zakaz_common.attribution.rules import CityBook
from zakaz_common.deadline import Deadline
from zakaz_common.errors import AccountsFailedError, ConfigError, LoaderError
from zakaz_common.http import (
    ApiClient,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    RequestRejectedError,
    RouteMissingError,
    TransientError,
)
from zakaz_common.moscow import day_start, moscow_day, now_moscow
from zakaz_common.run import RunContext
from zakaz_common.run_journal import DegradedField, RejectedRecord
from zakaz_common.window import Window

from vk_ads import LOADER
from vk_ads.access.accounts import Account, configured_accounts
from vk_ads.access.rate_limits import LimitReached
from vk_ads.access.token_endpoint import ClientRefused, VkTokenEndpoint
from vk_ads.access.tokens import TokenStore
from vk_ads.client import DatesRefused, VkAdsClient
from vk_ads.mart import refresh_days, shared_mart
from vk_ads.paging.listing import ListingUnstable
from vk_ads.paging.statistics import Slice, TooManyBadIds, read_statistics
from vk_ads.settings import VkAdsSettings
from vk_ads.sink import Sink, StagingSink
from vk_ads.transform import (
    Cabinet,
    DailyRows,
    banner_rows,
    daily_rows,
    read_cabinet,
)
from vk_ads.windows import choose_window

log = structlog.get_logger()

DATASET = "statistics"
#: Kept off the watermark: what the server counted in its last minutes may still be on its way.
_SAFETY = timedelta(minutes=2)
_LEAST_BAD_IDS = 20


class CurrencyUnknown(ConfigError):
    """Neither VK nor the settings say what a cabinet spends in: its money would be added to another."""


#: Failures of one cabinet; anything else (ClickHouse, the deadline, a signal) ends the run at once.
_CABINET_ERRORS = (
    ClientRefused,
    CurrencyUnknown,
    DatesRefused,
    LimitReached,
    ListingUnstable,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    RequestRejectedError,
    RouteMissingError,
    TooManyBadIds,
    TransientError,
)


class Source(Protocol):
    """What a run needs of one cabinet; the API client and the fixtures of a dry run provide it."""

    server_time: datetime | None

    def currency(self) -> str:
        """The currency the cabinet spends in, '' where the source does not say it."""

    def listing(self, resource: str) -> list[tuple[int, msgspec.Raw]]:
        """Every object of a resource."""

    def daily(self, ids: Sequence[int], first: date, last: date) -> list[msgspec.Raw]:
        """Statistics items."""


def run(context: RunContext) -> None:
    """The scheduled run: recent days, once a day a month, the first time the whole history."""
    _load(context, None)


def backfill(context: RunContext, first: date, last: date) -> None:
    """Read [first, last] again; the watermark stays where it is."""
    _load(context, Window.of_days(first, last, "backfill"))


def open_tokens(settings: VkAdsSettings, deadline: Deadline) -> tuple[TokenStore, ApiClient]:
    """The token store of a process, and the client it renews tokens with (the caller closes it)."""
    client = ApiClient(
        settings.vk_ads_base_url,
        deadline=deadline,
        requests_per_second=settings.vk_ads_requests_per_second,
        ca_bundle=settings.vk_ads_ca_bundle,
        # An answer lost on its way may be a token of the five: do not insist.
        max_attempts=3,
    )
    endpoint = VkTokenEndpoint(client)
    return TokenStore(settings.loader_state_dir, settings.vk_ads_base_url, endpoint, log.warning), client


def _load(context: RunContext, asked: Window | None) -> None:
    settings: VkAdsSettings = context.settings
    accounts = configured_accounts(settings)
    before = _ReadBefore.of(context)
    book = read_city_book(context.warehouse)
    sink = StagingSink(context)
    tokens, token_client = open_tokens(settings, context.deadline)
    context.count_requests_of(token_client.requests)
    failures: list[tuple[str, LoaderError]] = []
    windows: list[Window] = []
    server_times: list[datetime] = []
    try:
        for account in accounts:
            client = VkAdsClient(settings, account, tokens, context.deadline)
            context.count_requests_of(client.requests)
            try:
                currency = currency_of(account, client)
                cabinet = read_objects(context, account.name, client)
                now = client.server_time or now_moscow()
                window = asked or choose_window(
                    moscow_day(now),
                    loaded_until=before.until(account.name),
                    deep_read_on=before.deep_read_on,
                    settings=settings,
                )
                windows.append(window)
                server_times.append(now)
                log.info(
                    "cabinet_window",
                    account=account.name,
                    kind=window.kind,
                    first=window.first,
                    last=window.last,
                    banners=len(cabinet.banners),
                    currency=currency,
                )
                load_statistics(context, account.name, client, sink, cabinet, window, currency)
                # After the statistics: a cabinet that has banners in the dimension has its history.
                load_banners(account.name, sink, cabinet, book, moscow_day(now))
            except _CABINET_ERRORS as error:
                failures.append((account.name, error))
                log.error("cabinet_failed", account=account.name, error=str(error))
            finally:
                client.close()
    finally:
        token_client.close()
    if windows:
        context.window_from, context.window_to = day_start(min(w.first for w in windows)), min(server_times)
        mart = shared_mart(context.warehouse)
        context.wrote("dim_ads", mart.refresh_ads())
        context.wrote("dm_ads_daily", refresh_days(mart))
    if failures:
        raise failures[0][1] if len(accounts) == 1 else AccountsFailedError("cabinets", failures, len(accounts))
    if asked is None:
        context.watermarks[DATASET] = (min(server_times) - _SAFETY).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class _ReadBefore:
    """What earlier runs have read."""

    loaded_until: date | None
    deep_read_on: date | None
    accounts: frozenset[str]

    @classmethod
    def of(cls, context: RunContext) -> _ReadBefore:
        warehouse = context.warehouse
        mark = warehouse.watermark(LOADER, DATASET)
        deep = warehouse.query(
            "SELECT max(toDate(started_at, 'Europe/Moscow')) FROM meta.etl_runs "
            "WHERE loader = {loader:String} AND status = 'success' AND mode = 'run' "
            "AND dateDiff('day', window_from, window_to) + 1 >= {days:UInt32} HAVING count() > 0",
            {"loader": LOADER, "days": context.settings.vk_ads_deep_window_days},
        )
        banners = warehouse.name("dim_vk_banners")
        known = warehouse.query(f"SELECT DISTINCT account FROM {banners} FINAL")  # noqa: S608
        return cls(
            moscow_day(mark) if mark else None,
            deep[0][0] if deep else None,
            frozenset(row[0] for row in known),
        )

    def until(self, account: str) -> date | None:
        """The day up to which a cabinet is loaded; None for one that never was."""
        return self.loaded_until if account in self.accounts else None


def currency_of(account: Account, source: Source) -> str:
    """The currency of a cabinet: what VK says, else the setting. Raises CurrencyUnknown where neither does."""
    told = source.currency()
    if told and account.currency not in ("", told):
        log.warning("currency_differs", account=account.name, api=told, setting=account.currency, then="the API's")
    if not told and not account.currency:
        raise CurrencyUnknown(
            f"VK does not say which currency the cabinet {account.name} spends in; name it in VK_ADS_CURRENCY "
            "(or as `currency` in VK_ADS_ACCOUNTS), for example RUB"
        )
    return told or account.currency


def read_objects(context: RunContext, account: str, source: Source) -> Cabinet:
    """Plans, groups and banners of a cabinet; records that cannot be used are rejected."""
    rejected: list[RejectedRecord] = []

    def reject(dataset: str, one: str, path: str, reason: str) -> None:
        rejected.append(RejectedRecord(dataset, f"{account}/{one}", path, reason))

    def degrade(dataset: str, one: str, path: str, reason: str) -> None:
        context.degrade([DegradedField(dataset, f"{account}/{one}", path, reason)])

    resources = ("ad_plans", "ad_groups", "banners")
    listings = plans, groups, banners = [source.listing(resource) for resource in resources]
    cabinet = read_cabinet(plans, groups, banners, reject, degrade)
    for resource, listing in zip(resources, listings, strict=True):
        context.read(resource, len(listing), part=account)
    context.reject(rejected, part=account)
    return cabinet


def read_daily(
    context: RunContext,
    account: str,
    source: Source,
    cabinet: Cabinet,
    window: Window,
    *,
    currency: str,
    version: int,
) -> Iterator[tuple[Slice, DailyRows]]:
    """Statistics of a cabinet's banners in the window, one API answer at a time."""
    rejected: list[RejectedRecord] = []

    def reject(key: str, path: str, reason: str) -> None:
        rejected.append(RejectedRecord(DATASET, key, path, reason))

    def degrade(key: str, path: str, reason: str) -> None:
        context.degrade([DegradedField(DATASET, key, path, reason)])

    def bad_id(one: int, code: str) -> None:
        reject(f"{account}/{one}", "$.id", f"VK refuses statistics of this banner ({code})")

    banners = list(cabinet.banners)
    most_bad = max(_LEAST_BAD_IDS, int(len(banners) * context.settings.loader_max_rejected_ratio))
    try:
        for piece in read_statistics(
            source.daily, banners, window.first, window.last, bad_id=bad_id, most_bad=most_bad
        ):
            daily = daily_rows(
                account,
                piece,
                cabinet,
                currency=currency,
                vat_rate=context.settings.vk_ads_vat_rate,
                version=version,
                reject=reject,
                degrade=degrade,
            )
            context.read(DATASET, daily.read, part=account)
            unanswered = len(piece.ids) - len(daily.answered)
            if unanswered:
                log.info("banners_without_an_answer", account=account, banners=unanswered)
            yield piece, daily
    finally:
        context.reject(rejected, part=account)


def load_statistics(
    context: RunContext,
    account: str,
    source: Source,
    sink: Sink,
    cabinet: Cabinet,
    window: Window,
    currency: str,
) -> None:
    """Read the statistics of a cabinet's banners in the window into the sink."""
    version = sink.begin_statistics()
    for piece, daily in read_daily(context, account, source, cabinet, window, currency=currency, version=version):
        sink.statistics(account, piece, daily, version)


def load_banners(account: str, sink: Sink, cabinet: Cabinet, book: CityBook, today: date) -> None:
    """Give the cabinet's banners their cities and put them into the sink."""
    rows, attributions = banner_rows(account, cabinet, book, today=today, version=sink.begin_banners())
    unresolved = Counter(found.unresolved for found in attributions.values() if found.unresolved)
    if unresolved:
        log.warning(
            "city_unknown",
            account=account,
            spellings=[name for name, _ in unresolved.most_common(20)],
            mend="name the spelling in a file for make import-city-aliases, or correct utm_content",
        )
    sink.banners(account, rows)
