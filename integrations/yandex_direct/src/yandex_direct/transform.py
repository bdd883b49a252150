"""From the rows of Direct's reports to figures of the warehouse. Pure functions, no input or output."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial

from zakaz_common.columns import Row
from zakaz_common.money import FRACTION, MoneyError, exact_kopecks, rounded
from zakaz_common.ranks import UnreadableError, noted_text
from zakaz_common.text import clean_text

from yandex_direct.reports.periods import Answer
from yandex_direct.reports.table import UNKNOWN

#: Called with the record's key, the place in it and the reason.
Reject = Callable[[str, str, str], None]

DAILY_KEY = ("d", "account", "campaign_id", "ad_group_id", "ad_id", "network")
DAILY_COLUMNS = (*DAILY_KEY, "impressions", "clicks", "conversions", "spend", "vat_rate", "currency", "_ver")
CAMPAIGN_KEY = ("d", "account", "campaign_id")
CAMPAIGN_COLUMNS = (*CAMPAIGN_KEY, "impressions", "clicks", "spend", "currency", "_ver")

_COUNT = re.compile("[0-9]{1,18}", re.ASCII)
_ID = re.compile("[1-9][0-9]{0,18}", re.ASCII)
_VAT_ROSE = date(2026, 1, 1)
_VAT, _VAT_BEFORE = Decimal("0.2200"), Decimal("0.2000")


@dataclass(frozen=True, slots=True)
class Money:
    """What an account's money is.

    Parameters:
        currency: ISO 4217.
        vat_per_cent: what Direct says of its VAT today, as text; '' for nothing.
    """

    currency: str
    vat_per_cent: str = ""

    def vat_rate(self, day: date) -> Decimal:
        """The rate of a click's day, as a part of 1. Direct tells today's alone; that of roubles is the law's."""
        if self.currency == "RUB":
            return _VAT if day >= _VAT_ROSE else _VAT_BEFORE
        if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,6})?", self.vat_per_cent, re.ASCII):
            return Decimal("0.0000")
        return (Decimal(self.vat_per_cent) / 100).quantize(Decimal("0.0001"))


@dataclass(slots=True)
class Figures:
    """Rows of one report, and what of it is not whole.

    Parameters:
        rows: by key; what a report says twice of one key is added up.
        damaged: days of which a record was rejected: what an earlier run loaded of them stays.
        whole: False when a record was rejected whose day is not known.
        read: how many records the report has.
    """

    rows: dict[Row, Row] = field(default_factory=dict)
    damaged: set[date] = field(default_factory=set)
    whole: bool = True
    read: int = 0

    def put(self, key: Row, figures: Row, rest: Row) -> None:
        """Add a row; ``figures`` add up (None, not known, with nothing), ``rest`` is the later one's."""
        before = self.rows.get(key)
        if before is not None:
            figures = tuple(map(_sum, before[len(key) : len(key) + len(figures)], figures))
        self.rows[key] = (*key, *figures, *rest)


@dataclass(frozen=True, slots=True)
class CampaignName:
    """What a report says of a campaign."""

    name: str
    type: str


def ad_figures(
    account: str,
    answer: Answer,
    money: Money,
    *,
    version: int,
    reject: Reject,
    degrade: Reject = lambda *_: None,
) -> Figures:
    """Rows of ``zakaz.stg_yandex_direct_daily`` from one report by ads.

    A row without an ad is a campaign's own spend and is kept: ids that Direct does not know are 0 there. Rows of
    nothing give no row.
    """
    found = Figures(read=answer.table.count, whole=answer.sound)
    _reject_broken(account, answer, found, reject)
    reader = _Cells(answer)
    for number, line in answer.table.rows:
        day_cell, campaign_cell, group_cell, ad_cell, network, shows, clicked, cost, converted = answer.table.cells(
            line
        )
        key = f"{account}/{campaign_cell}/{ad_cell}" if _ID.fullmatch(campaign_cell) else f"{account}/line {number}"
        note = partial(degrade, key)
        day: date | None = None
        try:
            day = reader.day(day_cell)
            ids = (
                reader.id(campaign_cell, "CampaignId"),
                reader.known_id(group_cell, "AdGroupId"),
                reader.known_id(ad_cell, "AdId"),
            )
            impressions, clicks = reader.count(shows, "Impressions"), reader.count(clicked, "Clicks")
            spend = reader.money(cost, note)
        except UnreadableError as error:
            _reject(found, day, key, error, reject)
            continue
        conversions: int | None = None
        if converted not in UNKNOWN:
            try:
                conversions = reader.count(converted, "Conversions")
            except UnreadableError as error:
                note(error.path, error.reason)
        if impressions or clicks or conversions or spend:
            found.put(
                (day, account, *ids, "" if network in UNKNOWN else reader.word(network)),
                (impressions, clicks, conversions, spend),
                (money.vat_rate(day), money.currency, version),
            )
    return found


def campaign_figures(
    account: str,
    answer: Answer,
    money: Money,
    names: dict[int, CampaignName],
    *,
    version: int,
    reject: Reject,
    degrade: Reject = lambda *_: None,
) -> Figures:
    """Rows of ``zakaz.stg_yandex_direct_campaigns_daily`` from one report by campaigns.

    What they are called is put into ``names``.
    """
    found = Figures(read=answer.table.count, whole=answer.sound)
    _reject_broken(account, answer, found, reject)
    reader = _Cells(answer)
    for number, line in answer.table.rows:
        day_cell, campaign_cell, kind, shows, clicked, cost, name = answer.table.cells(line)
        key = f"{account}/{campaign_cell}" if _ID.fullmatch(campaign_cell) else f"{account}/line {number}"
        note = partial(degrade, key)
        day: date | None = None
        try:
            day = reader.day(day_cell)
            campaign_id = reader.id(campaign_cell, "CampaignId")
            impressions, clicks = reader.count(shows, "Impressions"), reader.count(clicked, "Clicks")
            spend = reader.money(cost, note)
        except UnreadableError as error:
            _reject(found, day, key, error, reject)
            continue
        names[campaign_id] = CampaignName(
            "" if name in UNKNOWN else noted_text(name, "$.CampaignName", note),
            "" if kind in UNKNOWN else reader.word(kind),
        )
        if impressions or clicks or spend:
            found.put((day, account, campaign_id), (impressions, clicks, spend), (money.currency, version))
    return found


class _Cells:
    """Reads the cells of one report; days and words repeat."""

    def __init__(self, answer: Answer) -> None:
        self._first, self._last = answer.first, answer.last
        self._days: dict[str, date] = {}
        self._words: dict[str, str] = {}

    def day(self, cell: str) -> date:
        found = self._days.get(cell)
        if found is None:
            try:
                found = date.fromisoformat(cell)
            except ValueError:
                raise UnreadableError("$.Date", "a day such as 2026-01-31 was expected") from None
            if not self._first <= found <= self._last:
                raise UnreadableError("$.Date", "a day outside of the dates asked for")
            self._days[cell] = found
        return found

    def id(self, cell: str, name: str) -> int:
        if not _ID.fullmatch(cell):
            raise UnreadableError(f"$.{name}", "a number of an object was expected")
        return int(cell)

    def known_id(self, cell: str, name: str) -> int:
        return 0 if cell in UNKNOWN or cell == "0" else self.id(cell, name)

    def count(self, cell: str, name: str) -> int:
        if not _COUNT.fullmatch(cell):
            raise UnreadableError(f"$.{name}", "it is not known" if cell in UNKNOWN else "a whole number was expected")
        return int(cell)

    def money(self, cell: str, note: Callable[[str, str], None]) -> Decimal:
        if cell in UNKNOWN:
            raise UnreadableError("$.Cost", "it is not known")
        try:
            exact = exact_kopecks(cell)
        except MoneyError as error:
            raise UnreadableError("$.Cost", str(error)) from None
        whole = rounded(exact)
        if whole != exact:
            note("$.Cost", FRACTION)
        return Decimal(whole).scaleb(-2)

    def word(self, cell: str) -> str:
        if cell not in self._words:
            self._words[cell] = clean_text(cell, longest=100)
        return self._words[cell]


def _reject_broken(account: str, answer: Answer, found: Figures, reject: Reject) -> None:
    for number, cells in answer.table.broken:
        found.whole = False
        reject(f"{account}/line {number}", "$", f"a row of another number of cells than there are columns: {cells}")


def _reject(found: Figures, day: date | None, key: str, error: UnreadableError, reject: Reject) -> None:
    if day is None:
        found.whole = False
    else:
        found.damaged.add(day)
    reject(key, error.path, error.reason)


def _sum(one: int | Decimal | None, other: int | Decimal | None) -> int | Decimal | None:
    if one is None or other is None:
        return one if other is None else other
    return one + other
