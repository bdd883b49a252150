"""Where rows go: staging of the warehouse, or nowhere in a dry run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from zakaz_common.city import UNATTRIBUTED
from zakaz_common.columns import Row, by_column
from zakaz_common.run import RunContext
from zakaz_common.versions import keep_versions, next_version
from zakaz_common.warehouse import Scope
from zakaz_common.window import Window

from yandex_direct import LOADER
from yandex_direct.objects.rows import AD_COLUMNS, AD_KEY, Staged
from yandex_direct.reports.periods import Answer
from yandex_direct.transform import CAMPAIGN_COLUMNS, CAMPAIGN_KEY, DAILY_COLUMNS, DAILY_KEY, Figures

ADS_DAILY = "stg_yandex_direct_daily"
CAMPAIGNS_DAILY = "stg_yandex_direct_campaigns_daily"
ADS = "dim_yandex_direct_ads"
_HISTORY = "dim_yandex_direct_ad_history"
_COMPARED = "v_ads_reports_compared"


@dataclass(frozen=True, slots=True)
class Difference:
    """A day whose spend by ads is another than by campaigns, by more than rounding.

    Parameters:
        campaigns: those it is about; both sums are theirs alone.
    """

    day: date
    campaigns: tuple[str, ...]
    by_ads: Decimal
    by_campaigns: Decimal


class Sink(Protocol):
    """Takes statistics and ads of an account. A read says when it begins, and gets the version of its rows."""

    def begin(self, table: str) -> int:
        """A read of what a table holds begins."""

    def ads_daily(self, account: str, answer: Answer, figures: Figures, version: int) -> None:
        """Take one report by ads."""

    def campaigns_daily(self, account: str, answer: Answer, figures: Figures, version: int) -> None:
        """Take one report by campaigns."""

    def differences(self, account: str, window: Window) -> list[Difference]:
        """Days of which the two reports, as they were taken, tell different spend."""

    def ads(self, account: str, rows: Sequence[Row]) -> None:
        """Take the ads of an account."""


class StagingSink:
    """Upserts into staging; what a whole report no longer has is tombstoned."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def begin(self, table: str) -> int:
        """Above every version there is."""
        return next_version(self._context.warehouse, table)

    def ads_daily(self, account: str, answer: Answer, figures: Figures, version: int) -> None:
        """Upsert the rows of ads. Only days of which everything was read may lose rows."""
        rows, scope = by_column(DAILY_COLUMNS, list(figures.rows.values())), _scope(account, answer, figures, version)
        result = self._context.warehouse.upsert(ADS_DAILY, DAILY_KEY, rows, within=scope)
        self._context.wrote(ADS_DAILY, result)

    def campaigns_daily(self, account: str, answer: Answer, figures: Figures, version: int) -> None:
        """Upsert the rows of campaigns, likewise."""
        rows, scope = (
            by_column(CAMPAIGN_COLUMNS, list(figures.rows.values())),
            _scope(account, answer, figures, version),
        )
        result = self._context.warehouse.upsert(CAMPAIGNS_DAILY, CAMPAIGN_KEY, rows, within=scope)
        self._context.wrote(CAMPAIGNS_DAILY, result)

    def differences(self, account: str, window: Window) -> list[Difference]:
        """What the view shows that the watch listens to; it leaves out today, which moves between the two reports."""
        view = self._context.warehouse.name(_COMPARED)
        found = self._context.warehouse.query(
            "SELECT d, arraySort(groupArray(campaign_id)), sum(spend_by_ads), sum(spend_by_campaigns) "  # noqa: S608
            f"FROM {view} WHERE source = {{source:String}} AND account = {{account:String}} "
            "AND d >= {first:Date} AND d <= {last:Date} AND difference != 0 GROUP BY d ORDER BY d",
            {"source": LOADER, "account": account, "first": window.first, "last": window.last},
        )
        return [Difference(day, tuple(campaigns), *sums) for day, campaigns, *sums in found]

    def ads(self, account: str, rows: Sequence[Row]) -> None:
        """Upsert ads. Those that are no longer listed stay: their spend keeps its name and city."""
        scope = Scope("account = {account:String}", {"account": account})
        result = self._context.warehouse.upsert(ADS, AD_KEY, by_column(AD_COLUMNS, rows), within=scope)
        self._context.wrote(ADS, result)
        keep_versions(self._context.warehouse, ADS, _HISTORY, AD_COLUMNS, id_column="ad_id", account=account)


def staged_ads(context: RunContext, account: str) -> list[Staged]:
    """The ads of an account that have statistics, with the first day of each."""
    table = context.warehouse.name(ADS_DAILY)
    found = context.warehouse.query(
        f"SELECT campaign_id, ad_group_id, ad_id, min(d) FROM {table} FINAL "  # noqa: S608
        "WHERE account = {account:String} GROUP BY campaign_id, ad_group_id, ad_id "
        "ORDER BY campaign_id, ad_group_id, ad_id",
        {"account": account},
    )
    return [Staged(int(campaign), int(group), int(ad), first) for campaign, group, ad, first in found]


def known_ads(context: RunContext, account: str) -> set[str]:
    """Ids of the account's ads in the dimension."""
    table = context.warehouse.name(ADS)
    found = context.warehouse.query(
        f"SELECT ad_id FROM {table} FINAL WHERE account = {{account:String}}",  # noqa: S608
        {"account": account},
    )
    return {str(row[0]) for row in found}


def _scope(account: str, answer: Answer, figures: Figures, version: int) -> Scope:
    """The days of a report; those of which a row could not be read lose nothing."""
    days = "account = {account:String} AND d >= {first:Date} AND d <= {last:Date}"
    bound = {"account": account, "first": answer.first, "last": answer.last}
    return Scope(days, bound, version if figures.whole else None, figures.damaged)


class DryRunSink:
    """Adds up what would have been sent. Statistics come first: the ads have the cities."""

    def __init__(self) -> None:
        self.staged: list[Staged] = []
        self._by_ad: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._cities: dict[str, str] = {}
        self.ad_days = 0

    def begin(self, table: str) -> int:
        """Any number: nothing is kept."""
        return 1

    def ads_daily(self, account: str, answer: Answer, figures: Figures, version: int) -> None:
        """Add up spend by ad, and take note of each."""
        self.ad_days += len(figures.rows)
        for row in figures.rows.values():
            one = Staged(row[2], row[3], row[4], row[0])
            self.staged.append(one)
            self._by_ad[one.mart_id] += row[DAILY_COLUMNS.index("spend")]

    def campaigns_daily(self, account: str, answer: Answer, figures: Figures, version: int) -> None:
        """They are held against the ads' days and not added up."""

    def differences(self, account: str, window: Window) -> list[Difference]:
        """Nothing is compared where nothing is kept."""
        return []

    def ads(self, account: str, rows: Sequence[Row]) -> None:
        """Take note of each one's city."""
        self._cities = {row[1]: row[AD_COLUMNS.index("city")] or UNATTRIBUTED for row in rows}

    @property
    def ads_seen(self) -> int:
        """How many ads there are."""
        return len(self._cities)

    @property
    def spend(self) -> dict[str, Decimal]:
        """Spend by city, net of VAT."""
        found: defaultdict[str, Decimal] = defaultdict(Decimal)
        for ad, money in self._by_ad.items():
            found[self._cities[ad]] += money
        return dict(found)
