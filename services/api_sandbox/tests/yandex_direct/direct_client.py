"""A client of Direct as simple as can be: what the tests here ask the simulator with."""

from __future__ import annotations

from datetime import date
from itertools import count
from typing import Any
from zlib import crc32

import httpx2

from api_sandbox.season.records import DayStat
from api_sandbox.testing import Sandbox
from api_sandbox.yandex_direct.cabinets import DirectAccount

TOKEN = "sandbox-yandex-direct-token"
BY_AD = (
    "Date", "CampaignId", "CampaignName", "CampaignType", "AdGroupId", "AdGroupName", "AdId", "AdNetworkType",
    "Impressions", "Clicks", "Cost", "Conversions",
)  # fmt: skip


_numbers = count(1)


class Direct:
    """Asks one sandbox; the first cabinet's token unless a call says otherwise."""

    def __init__(self, sandbox: Sandbox, token: str = TOKEN) -> None:
        self.sandbox = sandbox
        self.token = token
        self.http = httpx2.Client(base_url=f"{sandbox.url}/api/yandex_direct/json", timeout=20, trust_env=False)

    @property
    def accounts(self) -> list[DirectAccount]:
        return self.sandbox.season.accounts_of("yandex_direct")

    @property
    def season_period(self) -> dict[str, str]:
        return {"DateFrom": str(self.sandbox.season.first_day), "DateTo": str(self.sandbox.season.season_end)}

    def post(self, path: str, body: Any, login: str = "", **headers: str) -> httpx2.Response:
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        return self.http.post(path, json=body, headers=sent | ({"Client-Login": login} if login else {}))

    def body(self, fields: tuple[str, ...] = BY_AD, name: str = "", **params: Any) -> dict[str, Any]:
        """A readable request for the days of the season, by name the same for the same; parameters of None are out."""
        asked = {
            "SelectionCriteria": self.season_period,
            "FieldNames": list(fields),
            "ReportType": "CUSTOM_REPORT",
            "DateRangeType": "CUSTOM_DATE",
            "Format": "TSV",
            "IncludeVAT": "NO",
            **params,
        }
        asked = {key: value for key, value in asked.items() if value is not None}
        return {"params": {"ReportName": name or f"report-{crc32(repr(asked).encode())}", **asked}}

    def report(self, fields: tuple[str, ...] = BY_AD, login: str = "", **params: Any) -> list[dict[str, str]]:
        """The rows of a report that is answered at once, money in roubles."""
        body = self.body(fields, f"report-{next(_numbers)}", **params)  # none that is stored
        answer = self.post("/v501/reports", body, login, returnMoneyInMicros="false")
        assert answer.status_code == 200, answer.text
        return rows_of(answer.text)

    def get(self, service: str, base: str = "v501", login: str = "", **params: Any) -> Any:
        """``result`` of a call, or ``error``."""
        answer = self.post(f"/{base}/{service}", {"method": "get", "params": params}, login)
        assert answer.status_code == 200
        document = answer.json()
        return document.get("result", document.get("error"))

    def stats(self) -> dict[tuple[date, int], DayStat]:
        """(day, ad) → what the season knows, those of the Wizard too; days on which nothing happened are left out."""
        return {
            (day, ad.id): stat
            for account in self.accounts
            for ad in account.ads.values()
            for day, stat in ad.days.items()
            if stat.shows or stat.clicks or stat.spent
        }


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of a report with all of its lines; their number is what its last line says, if there are any."""
    title, names, *lines = text.removesuffix("\n").split("\n")
    assert title.startswith('"')
    if lines:
        assert lines.pop() == f"Total rows: {len(lines)}"
    return [dict(zip(names.split("\t"), line.split("\t"), strict=True)) for line in lines]
