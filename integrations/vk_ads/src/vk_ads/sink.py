"""Where rows go: staging and the dimension of banners, or nowhere in a dry run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from zakaz_common.city import UNATTRIBUTED
from zakaz_common.columns import Row, by_column
from zakaz_common.run import RunContext
from zakaz_common.versions import keep_versions, next_version
from zakaz_common.warehouse import Scope

from vk_ads.paging.statistics import Slice
from vk_ads.transform import BANNER_COLUMNS, BANNER_KEY, DAILY_COLUMNS, DAILY_KEY, DailyRows

STATISTICS = "stg_vk_ads_daily"
BANNERS = "dim_vk_banners"
_HISTORY = "dim_vk_banner_history"


class Sink(Protocol):
    """Takes statistics and banners of a cabinet. A read says when it begins, and gets the version of its rows."""

    def begin_statistics(self) -> int:
        """A read of statistics begins."""

    def begin_banners(self) -> int:
        """A read of banners begins."""

    def statistics(self, account: str, piece: Slice, daily: DailyRows, version: int) -> None:
        """Take one answer of statistics."""

    def banners(self, account: str, rows: Sequence[Row]) -> None:
        """Take the banners that the cabinet lists."""


class StagingSink:
    """Upserts into staging; days that an answer no longer has are tombstoned."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def begin_statistics(self) -> int:
        """Above every version there is."""
        return next_version(self._context.warehouse, STATISTICS)

    def begin_banners(self) -> int:
        """Above every version there is."""
        return next_version(self._context.warehouse, BANNERS)

    def statistics(self, account: str, piece: Slice, daily: DailyRows, version: int) -> None:
        """Upsert days. Only a banner that was answered for whole may lose days."""
        warehouse = self._context.warehouse
        scope = Scope(
            "account = {account:String} AND banner_id IN {banners:Array(UInt64)} "
            "AND d >= {first:Date} AND d <= {last:Date}",
            {
                "account": account,
                "banners": sorted(daily.answered | {row[2] for row in daily.rows}),
                "first": piece.first,
                "last": piece.last,
            },
        )
        whole = replace(scope, gone_at=version, parameters={**scope.parameters, "banners": sorted(daily.answered)})
        partial = [row for row in daily.rows if row[2] not in daily.answered]
        rows = [row for row in daily.rows if row[2] in daily.answered]
        result = warehouse.upsert(STATISTICS, DAILY_KEY, by_column(DAILY_COLUMNS, rows), within=whole)
        result.add(warehouse.upsert(STATISTICS, DAILY_KEY, by_column(DAILY_COLUMNS, partial), within=scope))
        self._context.wrote(STATISTICS, result)

    def banners(self, account: str, rows: Sequence[Row]) -> None:
        """Upsert banners. Those that are no longer listed stay: their spend keeps its name and city."""
        scope = Scope("account = {account:String}", {"account": account})
        result = self._context.warehouse.upsert(BANNERS, BANNER_KEY, by_column(BANNER_COLUMNS, rows), within=scope)
        self._context.wrote(BANNERS, result)
        keep_versions(
            self._context.warehouse, BANNERS, _HISTORY, BANNER_COLUMNS, id_column="banner_id", account=account
        )


class DryRunSink:
    """Adds up what would have been sent. Banners come first: they have the cities."""

    def __init__(self) -> None:
        self.banner_days = 0
        self.spend: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.cities: dict[int, str] = {}

    def begin_statistics(self) -> int:
        """Any number: nothing is kept."""
        return 1

    begin_banners = begin_statistics

    def statistics(self, account: str, piece: Slice, daily: DailyRows, version: int) -> None:
        """Add up days by city."""
        self.banner_days += len(daily.rows)
        for row in daily.rows:
            self.spend[self.cities[row[2]]] += row[DAILY_COLUMNS.index("spend")]

    def banners(self, account: str, rows: Sequence[Row]) -> None:
        """Take note of each one's city."""
        self.cities = {row[1]: row[BANNER_COLUMNS.index("city")] or UNATTRIBUTED for row in rows}

    @property
    def total(self) -> Decimal:
        """All spend, in roubles net of VAT."""
        return sum(self.spend.values(), Decimal(0))
