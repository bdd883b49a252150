"""One run: every account's reports into staging, its ads and their cities, then the mart.

Data lands first and the watermark last (:mod:`zakaz_common.run`), and every write is an upsert, so a run that
died anywhere is simply repeated. An account that fails by itself (its token, its limits, its answers) does not
stop the others; the run then fails at its end, and says which.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import structlog
from zakaz_common.attribution.city_book import read_city_book
from zakaz_common.attribution.rules import CityBook
from zakaz_common.errors import AccountsFailedError, DataError, DeadlineExceededError, LoaderError
from zakaz_common.http import (
    NotFoundError,
    RateLimitedError,
    RefusedError,
    RequestRejectedError,
    RouteMissingError,
    TransientError,
)
from zakaz_common.moscow import day_start, moscow_day, now_moscow
from zakaz_common.run import RunContext, TooManyRejectedError
from zakaz_common.window import Window

from yandex_direct.access.accounts import Account, configured_accounts
from yandex_direct.access.refusals import AccessRefused, BuildFailed, NameTaken, QueueFull, UnitsUsedUp
from yandex_direct.client import YandexDirectClient
from yandex_direct.kept import Kept
from yandex_direct.marks import SAFETY, CabinetMixedUp, CabinetUnknown, Marks
from yandex_direct.mart import shared_mart
from yandex_direct.objects.listing import ListingUnstable
from yandex_direct.objects.load import Listings, current_listings, load_ads, read_objects
from yandex_direct.reports.load import ReportEmpty, load_statistics
from yandex_direct.reports.periods import DaysMissing, DayTooLarge
from yandex_direct.reports.request import Reading
from yandex_direct.settings import YandexDirectSettings
from yandex_direct.sink import ADS_DAILY, StagingSink, known_ads, staged_ads
from yandex_direct.source import Source
from yandex_direct.transform import Money
from yandex_direct.windows import choose_window, served_days

log = structlog.get_logger()

DATASET = "statistics"
#: The part of the run's time that is kept for the mart, whatever the accounts do.
_MART_SHARE = 0.1
#: How long reports of an unfinished reading are asked for again: Direct stores one for some hours.
_READING_SERVES = timedelta(hours=3)
_CURRENCY = re.compile("[A-Z]{3}")


class CurrencyUnknown(DataError):
    """Direct does not say what an account spends in: its money would be added to another."""


#: Failures of one account, the end of its share of the time among them; anything else (ClickHouse, a signal) ends the
#: run at once.
_ACCOUNT_ERRORS = (
    AccessRefused,
    BuildFailed,
    CabinetMixedUp,
    CabinetUnknown,
    CurrencyUnknown,
    DaysMissing,
    DayTooLarge,
    DeadlineExceededError,
    ListingUnstable,
    NameTaken,
    NotFoundError,
    QueueFull,
    RateLimitedError,
    RefusedError,
    ReportEmpty,
    RequestRejectedError,
    RouteMissingError,
    TooManyRejectedError,
    TransientError,
    UnitsUsedUp,
)


def run(context: RunContext) -> None:
    """The scheduled run: recent days, once a day a month, once a week three, the first time the whole history."""
    _load(context, None)


def backfill(context: RunContext, first: date, last: date) -> None:
    """Read [first, last] again; the watermark stays where it is."""
    _load(context, Window.of_days(first, last, "backfill"))


def _load(context: RunContext, asked: Window | None) -> None:
    settings: YandexDirectSettings = context.settings
    accounts = configured_accounts(settings)
    marks = Marks.of(context.warehouse)
    book = read_city_book(context.warehouse)
    place = settings.loader_state_dir, settings.yandex_direct_base_url
    reader = _AccountReader(context, asked, marks, book, Kept(*place, "listings", Listings))
    readings = Kept(*place, "reading", Reading)
    failures: list[tuple[str, LoaderError]] = []
    reserve = context.deadline.remaining() * _MART_SHARE
    for position, account in enumerate(accounts):
        share = (context.deadline.remaining() - reserve) / (len(accounts) - position)
        reading = (None if asked else _unfinished(readings.load(account))) or Reading(str(context.run_id))
        client = YandexDirectClient(settings, account, reading.name, context.deadline)
        context.count_requests_of(client.requests)
        try:
            with context.deadline.within(share):
                reader.read(account, client, reading)
            if asked is None:
                readings.forget(account)
        except _ACCOUNT_ERRORS as error:
            failures.append((account.name, error))
            log.error("account_failed", account=account.name, error=str(error))
            if asked is None and client.left_waiting:
                readings.save(account, reading)
        finally:
            client.close()
    if reader.windows:
        context.window_from = day_start(min(window.first for window in reader.windows))
        context.window_to = min(reader.read_at)
        mart = shared_mart(context.warehouse)
        context.wrote("dim_ads", mart.refresh_ads())
        context.wrote("dm_ads_daily", mart.refresh_days())
    context.settled = marks.settled
    if failures:
        raise failures[0][1] if len(accounts) == 1 else AccountsFailedError("accounts", failures, len(accounts))
    if asked is None:
        context.watermarks[DATASET] = (min(reader.read_at) - SAFETY).replace(microsecond=0)


def _unfinished(reading: Reading | None) -> Reading | None:
    """A reading that an earlier run could not wait for, while its reports are of use: they take no second place."""
    since = reading.since if reading else None
    return reading if since and now_moscow() - since < _READING_SERVES else None


@dataclass(frozen=True, slots=True)
class _AccountReader:
    """Reads a run's accounts, one after the other.

    Parameters:
        asked: the days of a backfill; None for a scheduled run.
        windows, read_at: of each account of which it was known what to read, those that failed then included.
    """

    context: RunContext
    asked: Window | None
    marks: Marks
    book: CityBook
    kept: Kept[Listings]
    windows: list[Window] = field(default_factory=list)
    read_at: list[datetime] = field(default_factory=list)

    def read(self, account: Account, client: YandexDirectClient, reading: Reading) -> None:
        """Load an account's statistics, then its ads, and settle its marks when all of it was read.

        Its figures are of the moment when the reading began, at the earliest.

        Raises one of _ACCOUNT_ERRORS: DaysMissing when all other days were loaded, and the ads.
        """
        found = self.kept.load(account)
        login, money = _whose(account, client, found)
        self.marks.claim(account, login)
        now = client.server_time or now_moscow()
        today = moscow_day(now)
        window = self._window(account.name, client, today)
        reading.since = since = reading.since or now
        self.windows.append(window)
        self.read_at.append(since)
        log.info(
            "account_window",
            account=account.name,
            kind=window.kind,
            first=window.first,
            last=window.last,
            currency=money.currency,
        )
        sink = StagingSink(self.context)
        missing: list[DaysMissing] = []
        names = load_statistics(self.context, account.name, client, sink, window, money, missing)
        staged = staged_ads(self.context, account.name)
        listings = current_listings(client, found, staged, now)
        if listings.tried_at == now:
            listings.login, listings.money = login, money
            self.kept.save(account, listings)
        cabinet = read_objects(self.context, account.name, listings)
        known = known_ads(self.context, account.name)
        load_ads(account.name, sink, cabinet, staged, names, known, self.book, today)
        if missing:
            raise missing[0]
        self.context.check_rejected_ratio(account.name)
        if self.asked is None:
            is_checked = not client.units_used_up
            self.marks.settle(account.name, login, window, since, self.context.settings, checked=is_checked)

    def _window(self, account: str, client: YandexDirectClient, today: date) -> Window:
        """The days to read of an account."""
        if self.asked is not None:
            return served_days(self.asked, today)
        corrected: date | None = None
        since = self.marks.checked(account)
        if since is not None:
            table = self.context.warehouse.name(ADS_DAILY)
            loaded = self.context.warehouse.query(
                f"SELECT campaign_id, min(d) FROM {table} FINAL WHERE account = {{account:String}} "  # noqa: S608
                "GROUP BY campaign_id ORDER BY campaign_id",
                {"account": account},
            )
            first = None
            with suppress(UnitsUsedUp):  # a later run asks from the same moment on
                first = client.corrected_from([int(row[0]) for row in loaded], since)
            # days before those that were ever loaded are nobody's correction
            corrected = max(first, min(row[1] for row in loaded)) if first else None
        before = self.marks.read_before(account)
        return choose_window(today, before=before, settings=self.context.settings, corrected_from=corrected)


def _whose(account: Account, client: YandexDirectClient, found: Listings | None) -> tuple[str, Money]:
    """Login and money of an account; those that were kept while its units are used up."""
    try:
        money = money_of(account.name, client)
    except UnitsUsedUp as error:
        if found is None or found.money is None:
            raise
        log.warning("units_used_up", account=account.name, cause=str(error), loaded="reports, with the objects kept")
        return found.login, found.money
    return client.login, money


def money_of(account: str, source: Source) -> Money:
    """What an account's money is. Raises CurrencyUnknown where Direct does not say it: none is assumed."""
    money = source.money()
    if not _CURRENCY.fullmatch(money.currency):
        raise CurrencyUnknown(
            f"Yandex Direct does not say which currency the account {account} spends in (clients.get, Currency); "
            "without it nothing of the account is loaded"
        )
    return money
