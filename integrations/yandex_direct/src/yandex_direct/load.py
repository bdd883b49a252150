"""One run: every account's reports into staging, its ads and their cities, then the mart.

Data lands first and the watermark last (:mod:`zakaz_common.run`), and every write is an upsert, so a run that
died anywhere is simply repeated. An account that fails by itself (its token, its limits, its answers) does not
stop the others; the run then fails at its end, and says which.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

import msgspec
import structlog
from zakaz_common.attribution.city_book import read_city_book
from zakaz_common.attribution.rules import CityBook
from zakaz_common.errors import DataError, LoaderError, UnavailableError
from zakaz_common.http import (
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

from yandex_direct import LOADER
from yandex_direct.access.accounts import Account, configured_accounts
from yandex_direct.access.refusals import AccessRefused, BuildFailed, NameTaken, QueueFull, UnitsUsedUp
from yandex_direct.client import YandexDirectClient
from yandex_direct.mart import shared_mart
from yandex_direct.objects.kept import KeptListings, Listings
from yandex_direct.objects.listing import ListingUnstable, ids_of
from yandex_direct.reports.periods import Answer, DayTooLarge
from yandex_direct.reports.queue import ReportLate
from yandex_direct.reports.request import ADS, CAMPAIGNS, ReportKind
from yandex_direct.settings import YandexDirectSettings
from yandex_direct.sink import ADS as ADS_TABLE
from yandex_direct.sink import ADS_DAILY, CAMPAIGNS_DAILY, Sink, StagingSink, known_ads, staged_ads
from yandex_direct.transform import (
    CAMPAIGN_COLUMNS,
    Cabinet,
    CampaignName,
    Money,
    Staged,
    ad_figures,
    ad_rows,
    campaign_figures,
    read_cabinet,
)
from yandex_direct.windows import ReadBefore, choose_window, served_days

log = structlog.get_logger()

DATASET = "statistics"
#: Marks of the last deep and long re-reads, beside the watermark: they tell nothing of how fresh the data are.
_DEEP, _LONG = "statistics_deep", "statistics_long_deep"
#: Kept off the watermark: what the server counted in its last minutes may still be on its way.
_SAFETY = timedelta(minutes=2)
#: What a listing is called in the journal: two of them would share their names with the reports.
_LISTED = {"campaigns": "listed_campaigns", "ad_groups": "listed_ad_groups", "ads": "listed_ads"}
#: Campaigns that a line of the log names.
_CAMPAIGNS_TOLD = 20
_CURRENCY = re.compile("[A-Z]{3}")


class CurrencyUnknown(DataError):
    """Direct does not say what an account spends in: its money would be added to another."""


class ReportEmpty(UnavailableError):
    """A report by ads without a row, where that by campaigns has some: to believe it would delete the days."""


#: Failures of one account; anything else (ClickHouse, the deadline, a signal) ends the run at once.
_ACCOUNT_ERRORS = (
    AccessRefused,
    BuildFailed,
    CurrencyUnknown,
    DayTooLarge,
    ListingUnstable,
    NameTaken,
    NotFoundError,
    QueueFull,
    RateLimitedError,
    RefusedError,
    ReportEmpty,
    ReportLate,
    RequestRejectedError,
    RouteMissingError,
    TransientError,
    UnitsUsedUp,
)


class Source(Protocol):
    """What a run needs of one account; the API client and the fixtures of a dry run provide it."""

    def money(self) -> Money:
        """What the account spends in, '' where the source does not say it, and its VAT."""

    def campaigns(self) -> list[msgspec.Raw]:
        """Every campaign."""

    def ad_groups(self, campaigns: Sequence[int]) -> list[msgspec.Raw]:
        """Every group of these campaigns."""

    def ads(self, campaigns: Sequence[int]) -> list[msgspec.Raw]:
        """Every ad of these campaigns."""

    def report(self, kind: ReportKind, first: date, last: date) -> Iterator[Answer]:
        """Every day of [first, last]."""


class AccountsFailed(LoaderError):
    """Some accounts could not be read; the others were."""

    def __init__(self, failures: Sequence[tuple[str, LoaderError]], total: int) -> None:
        told = "; ".join(f"{name}: {error}" for name, error in failures)
        super().__init__(f"{len(failures)} of {total} accounts could not be read: {told}")
        self.exit_code = failures[0][1].exit_code


def run(context: RunContext) -> None:
    """The scheduled run: recent days, once a day a month, once a week three, the first time the whole history."""
    _load(context, None)


def backfill(context: RunContext, first: date, last: date) -> None:
    """Read [first, last] again; the watermark stays where it is."""
    _load(context, Window.of_days(first, last, "backfill"))


def _load(context: RunContext, asked: Window | None) -> None:
    settings: YandexDirectSettings = context.settings
    accounts = configured_accounts(settings)
    before = _Before.of(context)
    book = read_city_book(context.warehouse)
    kept = KeptListings(settings.loader_state_dir, settings.yandex_direct_base_url)
    failures: list[tuple[str, LoaderError]] = []
    windows: list[Window] = []
    server_times: list[datetime] = []
    for account in accounts:
        client = YandexDirectClient(settings, account, str(context.run_id), context.deadline)
        context.count_requests_of(client.requests)
        try:
            money = money_of(account.name, client)
            now = client.server_time or now_moscow()
            today = moscow_day(now)
            window = _window(context, account.name, client, before, asked, today)
            windows.append(window)
            server_times.append(now)
            log.info(
                "account_window",
                account=account.name,
                kind=window.kind,
                first=window.first,
                last=window.last,
                currency=money.currency,
            )
            sink = StagingSink(context)
            names = load_statistics(context, account.name, client, sink, window, money)
            # After the statistics: an account that has ads in the dimension has its history.
            staged = staged_ads(context, account.name)
            cabinet = read_objects(context, account.name, _listings(account, client, kept, staged, now))
            load_ads(account.name, sink, cabinet, staged, names, known_ads(context, account.name), book, today)
        except _ACCOUNT_ERRORS as error:
            failures.append((account.name, error))
            log.error("account_failed", account=account.name, error=str(error))
        finally:
            client.close()
    if windows:
        context.window_from = day_start(min(window.first for window in windows))
        context.window_to = min(server_times)
        mart = shared_mart(context.warehouse)
        context.wrote("dim_ads", mart.refresh_ads())
        context.wrote("dm_ads_daily", mart.refresh_days())
    if failures:
        raise failures[0][1] if len(accounts) == 1 else AccountsFailed(failures, len(accounts))
    if asked is None:
        mark = (min(server_times) - _SAFETY).replace(microsecond=0)
        context.watermarks[DATASET] = mark
        shortest = min(window.days for window in windows)
        for dataset, days in (
            (_DEEP, settings.yandex_direct_deep_window_days),
            (_LONG, settings.yandex_direct_long_window_days),
        ):
            if shortest >= min(days, settings.yandex_direct_history_days):
                context.watermarks[dataset] = min(server_times).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class _Before:
    """What earlier runs have read."""

    mark: datetime | None
    deep_on: date | None
    long_on: date | None
    accounts: frozenset[str]

    @classmethod
    def of(cls, context: RunContext) -> _Before:
        warehouse = context.warehouse
        mark, deep, long = (warehouse.watermark(LOADER, dataset) for dataset in (DATASET, _DEEP, _LONG))
        ads = warehouse.name(ADS_TABLE)
        known = warehouse.query(f"SELECT DISTINCT account FROM {ads} FINAL")  # noqa: S608
        return cls(
            mark,
            moscow_day(deep) if deep else None,
            moscow_day(long) if long else None,
            frozenset(row[0] for row in known),
        )

    def of_account(self, account: str) -> ReadBefore:
        """The same of one account: nothing, for one that never was loaded."""
        if self.mark is None or account not in self.accounts:
            return ReadBefore()
        return ReadBefore(moscow_day(self.mark), self.deep_on, self.long_on)


def _window(
    context: RunContext,
    account: str,
    client: YandexDirectClient,
    before: _Before,
    asked: Window | None,
    today: date,
) -> Window:
    """The days to read of an account."""
    if asked is not None:
        return served_days(asked, today)
    read_before = before.of_account(account)
    corrected: date | None = None
    if before.mark is not None and read_before.until is not None:
        table = context.warehouse.name(ADS_DAILY)
        loaded = context.warehouse.query(
            f"SELECT campaign_id, min(d) FROM {table} FINAL WHERE account = {{account:String}} "  # noqa: S608
            "GROUP BY campaign_id ORDER BY campaign_id",
            {"account": account},
        )
        first = client.corrected_from([int(row[0]) for row in loaded], before.mark)
        # days before those that were ever loaded are nobody's correction
        corrected = max(first, min(row[1] for row in loaded)) if first else None
    return choose_window(today, before=read_before, settings=context.settings, corrected_from=corrected)


def money_of(account: str, source: Source) -> Money:
    """What an account's money is. Raises CurrencyUnknown where Direct does not say it: none is assumed."""
    money = source.money()
    if not _CURRENCY.fullmatch(money.currency):
        raise CurrencyUnknown(
            f"Yandex Direct does not say which currency the account {account} spends in (clients.get, Currency); "
            "without it nothing of the account is loaded"
        )
    return money


def load_statistics(
    context: RunContext, account: str, source: Source, sink: Sink, window: Window, money: Money
) -> dict[int, CampaignName]:
    """Read both reports of an account's days into the sink, and hold one against the other.

    Returns what the reports call the campaigns.
    """
    names: dict[int, CampaignName] = {}
    spent: set[date] = set()
    # First the report in which no spend can be missing for want of an ad: it tells whether the other may be empty.
    version = sink.begin(CAMPAIGNS_DAILY)
    for part in _parts(context, source, CAMPAIGNS, window):
        with _Noted(context, CAMPAIGNS.name, account) as noted:
            figures = campaign_figures(
                account, part, money, names, version=version, reject=noted.reject, degrade=noted.degrade
            )
        sink.campaigns_daily(account, part, figures, version)
        spent |= {row[CAMPAIGN_COLUMNS.index("d")] for row in figures.rows.values()}
        context.read(CAMPAIGNS.name, figures.read, part=account)
    version = sink.begin(ADS_DAILY)
    for part in _parts(context, source, ADS, window, spent):
        with _Noted(context, ADS.name, account) as noted:
            figures = ad_figures(account, part, money, version=version, reject=noted.reject, degrade=noted.degrade)
        sink.ads_daily(account, part, figures, version)
        context.read(ADS.name, figures.read, part=account)
    for found in sink.differences(account, window):
        log.warning(
            "reports_differ",
            account=account,
            day=found.day,
            campaigns=found.campaigns[:_CAMPAIGNS_TOLD],
            spend_by_ads=str(found.by_ads),
            spend_by_campaigns=str(found.by_campaigns),
            shown_in="zakaz.v_ads_reports_compared",
        )
    return names


def _parts(
    context: RunContext, source: Source, kind: ReportKind, window: Window, spent: Collection[date] = ()
) -> Iterator[Answer]:
    """A report of the window in parts, each of which is one insert: a whole one may have some hundred thousand rows.

    Raises ReportEmpty for one without a row of days on which there was something, which are ``spent``.
    """
    for answer in source.report(kind, window.first, window.last):
        if not answer.table.count and (days := [day for day in spent if answer.first <= day <= answer.last]):
            raise ReportEmpty(
                f"the report by ads has no row from {answer.first} to {answer.last}, that by campaigns has some on "
                f"{len(days)} of these days: nothing of these days was changed, and the next run asks again"
            )
        yield from answer.parts(context.settings.loader_batch_rows)


def list_objects(source: Source, now: datetime) -> Listings:
    """Campaigns, groups and ads of an account as they are now."""
    campaigns = source.campaigns()
    ids = sorted(ids_of(campaigns))
    return Listings(now, campaigns, source.ad_groups(ids), source.ads(ids)) if ids else Listings(now, campaigns)


def _listings(
    account: Account, client: YandexDirectClient, kept: KeptListings, staged: Sequence[Staged], now: datetime
) -> Listings:
    """The listings of an account: kept ones of today, unless something was changed or an ad is not in them."""
    with_statistics = {one.ad_id for one in staged if one.ad_id}
    found = kept.load(account)
    if found is not None and moscow_day(found.listed_at) == moscow_day(now):
        is_whole = with_statistics <= ids_of(found.ads) | set(found.unlisted)
        if is_whole and not client.objects_changed(sorted(ids_of(found.campaigns)), found.listed_at - _SAFETY):
            return found
    found = list_objects(client, now)
    found.unlisted = sorted(with_statistics - ids_of(found.ads))
    kept.save(account, found)
    return found


def read_objects(context: RunContext, account: str, listings: Listings) -> Cabinet:
    """Campaigns, groups and ads of an account; records that cannot be used are rejected."""
    rejected: list[RejectedRecord] = []

    def reject(dataset: str, one: str, path: str, reason: str) -> None:
        rejected.append(RejectedRecord(_LISTED[dataset], f"{account}/{one}", path, reason))

    def degrade(dataset: str, one: str, path: str, reason: str) -> None:
        context.degrade([DegradedField(_LISTED[dataset], f"{account}/{one}", path, reason)])

    cabinet = read_cabinet(listings.campaigns, listings.ad_groups, listings.ads, reject, degrade)
    for dataset in ("campaigns", "ad_groups", "ads"):
        context.read(_LISTED[dataset], len(getattr(listings, dataset)), part=account)
    context.reject(rejected, part=account)
    return cabinet


def load_ads(
    account: str,
    sink: Sink,
    cabinet: Cabinet,
    staged: Collection[Staged],
    names: Mapping[int, CampaignName],
    known: Collection[str],
    book: CityBook,
    today: date,
) -> None:
    """Give the account's ads their cities and put them into the sink."""
    version = sink.begin(ADS_TABLE)
    rows, attributions = ad_rows(account, cabinet, staged, names, known, book, today=today, version=version)
    unresolved = Counter(found.unresolved for found in attributions if found.unresolved)
    if unresolved:
        log.warning(
            "city_unknown",
            account=account,
            spellings=[name for name, _ in unresolved.most_common(20)],
            mend="name the spelling in a file for make import-city-aliases, or correct utm_content",
        )
    sink.ads(account, rows)


class _Noted:
    """What could not be read of one answer of an account, told to the run when the answer was looked through."""

    def __init__(self, context: RunContext, dataset: str, account: str) -> None:
        self._context = context
        self._dataset = dataset
        self._account = account
        self._rejected: list[RejectedRecord] = []

    def reject(self, key: str, path: str, reason: str) -> None:
        """A record without which a figure is not whole."""
        self._rejected.append(RejectedRecord(self._dataset, key, path, reason))

    def degrade(self, key: str, path: str, reason: str) -> None:
        """A field that no figure needs."""
        self._context.degrade([DegradedField(self._dataset, key, path, reason)])

    def __enter__(self) -> _Noted:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.reject(self._rejected, part=self._account)
