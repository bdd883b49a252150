"""An account's reports into the sink, one held against the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

import structlog
from zakaz_common.errors import UnavailableError
from zakaz_common.run import RunContext
from zakaz_common.run_journal import DegradedField, RejectedRecord
from zakaz_common.window import Window

from yandex_direct.reports.periods import Answer, DaysMissing
from yandex_direct.reports.request import ADS, CAMPAIGNS, ReportKind
from yandex_direct.sink import ADS_DAILY, CAMPAIGNS_DAILY, Sink
from yandex_direct.source import Source
from yandex_direct.transform import CAMPAIGN_COLUMNS, CampaignName, Money, ad_figures, campaign_figures

log = structlog.get_logger()

#: Campaigns that a line of the log names.
_CAMPAIGNS_TOLD = 20


class ReportEmpty(UnavailableError):
    """A report by ads without a row, where that by campaigns has some: to believe it would delete the days."""


def load_statistics(
    context: RunContext,
    account: str,
    source: Source,
    sink: Sink,
    window: Window,
    money: Money,
    missing: list[DaysMissing],
) -> dict[int, CampaignName]:
    """Read both reports of an account's days into the sink, and hold one against the other.

    Returns what the reports call the campaigns. Days that a report lacks are added to ``missing``: what is there is
    loaded, and the account fails at its end.
    """
    names: dict[int, CampaignName] = {}
    spent: set[date] = set()
    # First the report in which no spend can be missing for want of an ad: it tells whether the other may be empty.
    version = sink.begin(CAMPAIGNS_DAILY)
    for part in _parts(context, source, CAMPAIGNS, window, missing):
        with _Noted(context, CAMPAIGNS.name, account) as noted:
            figures = campaign_figures(
                account, part, money, names, version=version, reject=noted.reject, degrade=noted.degrade
            )
        sink.campaigns_daily(account, part, figures, version)
        spent |= {row[CAMPAIGN_COLUMNS.index("d")] for row in figures.rows.values()}
        context.read(CAMPAIGNS.name, figures.read, part=account)
    version = sink.begin(ADS_DAILY)
    for part in _parts(context, source, ADS, window, missing, spent):
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
    context: RunContext,
    source: Source,
    kind: ReportKind,
    window: Window,
    missing: list[DaysMissing],
    spent: Collection[date] = (),
) -> Iterator[Answer]:
    """A report of the window in parts, each of which is one insert: a whole one may have some hundred thousand rows.

    Days that cannot be had are added to ``missing``. Raises ReportEmpty for a report without a row of days on which
    there was something, which are ``spent``.
    """
    try:
        for answer in source.report(kind, window.first, window.last):
            if not answer.table.count and (days := [day for day in spent if answer.first <= day <= answer.last]):
                raise ReportEmpty(
                    f"the report by ads has no row from {answer.first} to {answer.last}, that by campaigns has some on "
                    f"{len(days)} of these days: nothing of these days was changed, and the next run asks again"
                )
            yield from answer.parts(context.settings.loader_batch_rows)
    except DaysMissing as days_missing:
        missing.append(days_missing)


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
