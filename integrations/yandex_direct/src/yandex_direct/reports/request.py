"""What a report is asked for with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

#: Of a report alone. Decimals, since integers are millionths; the column names and the number of rows at the end stay,
#: for the columns are found by name and a table that was cut is known by the number.
HEADERS = {
    "Accept": "text/tab-separated-values",
    "processingMode": "auto",
    "returnMoneyInMicros": "false",
    "skipReportHeader": "true",
    "skipColumnHeader": "false",
    "skipReportSummary": "false",
}
#: A conversion is that of the last click. It counts whole ones; the automatic model may divide them.
ATTRIBUTION_MODEL = "LC"
#: What a name begins with, so that a person knows whose report it is.
_PREFIX = "zakaz-"


@dataclass(frozen=True, slots=True)
class ReportKind:
    """A report by its type and the columns asked for. A column of free text stands last, or not at all.

    A name is no column of a report that groups by its columns: a campaign renamed at noon would have two rows a day.
    """

    name: str
    type: str
    fields: tuple[str, ...]


#: CUSTOM_REPORT, since reports by ads may leave out what has no ad: the campaigns that Direct makes by itself.
ADS = ReportKind(
    "ads",
    "CUSTOM_REPORT",
    (
        "Date", "CampaignId", "AdGroupId", "AdId", "AdNetworkType",
        "Impressions", "Clicks", "Cost", "Conversions",
    ),
)  # fmt: skip
#: Here type and name are the campaign's attributes, not segments.
CAMPAIGNS = ReportKind(
    "campaigns",
    "CAMPAIGN_PERFORMANCE_REPORT",
    ("Date", "CampaignId", "CampaignType", "Impressions", "Clicks", "Cost", "CampaignName"),
)


class Reading(msgspec.Struct):
    """A reading of an account's days, kept when Direct may still build reports of it: the next run finds them.

    Parameters:
        name: what tells its reports from those of other readings: a name used for good would bring the report stored
            hours ago.
        since: when it began, by the server's clock: figures may be as old.
    """

    name: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """One report.

    Parameters:
        first, last: Moscow days, both included.
        rows: the most rows it may have.
        login: the client's login, '' for the token's own account.
        reading: name of the Reading it is of.
        attempt: 1 once the name of 0 turned out to be taken.
    """

    kind: ReportKind
    first: date
    last: date
    rows: int
    login: str
    reading: str
    attempt: int = 0

    def body(self) -> dict[str, Any]:
        """The request's body, the same each time: asked for again under its name, a report tells how far it is."""
        params = {
            "SelectionCriteria": {"DateFrom": self.first.isoformat(), "DateTo": self.last.isoformat()},
            "FieldNames": list(self.kind.fields),
            # Said, though it is what Direct takes without: numbers would move with another default.
            "AttributionModels": [ATTRIBUTION_MODEL],
            "Page": {"Limit": self.rows},
            "ReportType": self.kind.type,
            "DateRangeType": "CUSTOM_DATE",
            "Format": "TSV",
            "IncludeVAT": "NO",
        }
        told = msgspec.json.encode([params, self.login, self.reading, self.attempt])
        return {"params": {**params, "ReportName": _PREFIX + hashlib.sha256(told).hexdigest()[:40]}}
