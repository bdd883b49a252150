"""Requests for reports that are refused, each for its reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from conftest import SEASON_END
from direct_client import Direct

from api_sandbox.season.moscow_time import today
from api_sandbox.testing import running_sandbox

DAYS = {"DateFrom": str(SEASON_END), "DateTo": str(SEASON_END)}
SAME = {"Field": "CampaignId", "Operator": "IN", "Values": ["1"]}


@pytest.fixture(scope="module")
def direct() -> Iterator[Direct]:
    with running_sandbox(orders=60, season_end=SEASON_END, yandex_direct_requests=10**6) as sandbox:
        yield Direct(sandbox)


def criteria(**more: Any) -> dict[str, Any]:
    return {"SelectionCriteria": {**DAYS, **more}}


@pytest.mark.parametrize(
    ("params", "code", "names"),
    [
        ({"FieldNames": []}, "8000", "FieldNames"),
        ({"FieldNames": None}, "8000", "FieldNames"),
        ({"FieldNames": ["Href"]}, "8000", "Href"),
        ({"FieldNames": ["Date", "Date"]}, "8000", "FieldNames"),
        ({"FieldNames": ["Date", "Month", "Cost"]}, "8000", "Month"),
        ({"FieldNames": ["ClickType", "Impressions"]}, "8000", "ClickType"),
        ({"ReportType": "CAMPAIGN_PERFORMANCE_REPORT", "FieldNames": ["AdId", "Cost"]}, "8000", "AdId"),
        ({"ReportType": "STRANGE_REPORT"}, "8000", "ReportType"),
        ({"Format": "CSV"}, "8000", "Format"),
        ({"IncludeVAT": "MAYBE"}, "8000", "IncludeVAT"),
        ({"IncludeVAT": None}, "8000", "IncludeVAT"),
        ({"IncludeDiscount": "YES"}, "8000", "IncludeDiscount"),
        ({"ReportName": ""}, "8000", "ReportName"),
        ({"ReportName": "n" * 256}, "8000", "ReportName"),
        ({"DateRangeType": "LAST_4_DAYS", "SelectionCriteria": {}}, "8000", "DateRangeType"),
        ({"DateRangeType": "LAST_7_DAYS", **criteria()}, "8000", "DateFrom"),
        ({"SelectionCriteria": {}}, "8000", "DateFrom"),
        ({"SelectionCriteria": {"DateFrom": str(SEASON_END)}}, "8000", "DateTo"),
        ({"SelectionCriteria": {"DateFrom": "20.11.2026", "DateTo": "21.11.2026"}}, "8000", "YYYY"),
        ({"SelectionCriteria": {**DAYS, "DateFrom": str(SEASON_END + timedelta(days=1))}}, "8000", "DateFrom"),
        ({"SelectionCriteria": {**DAYS, "DateFrom": str(today() - timedelta(days=1130))}}, "8000", "20"),
        (criteria(CampaignIds=[1]), "8000", "CampaignIds"),
        (criteria(Filter=[SAME, SAME]), "8000", "CampaignId"),
        (criteria(Filter=[{**SAME, "Field": "CampaignName"}]), "8000", "CampaignName"),
        (criteria(Filter=[{**SAME, "Operator": "LIKE"}]), "8000", "LIKE"),
        (criteria(Filter=[{**SAME, "Values": [1]}]), "8000", "Values"),
        (criteria(Filter=[{**SAME, "Values": ["1"] * 10_001}]), "4001", "10000"),
        (criteria(Filter=[{**SAME, "Field": "Cost", "Values": ["1.5"]}]), "8000", "Cost"),
        ({"Page": {"Limit": 0}}, "8000", "Page"),
        ({"OrderBy": [{"Field": "AdFormat"}]}, "8000", "AdFormat"),
        ({"OrderBy": [{"Field": "Cost", "SortOrder": "DOWN"}]}, "8000", "DOWN"),
        ({"Goals": [str(n) for n in range(11)]}, "4001", "Goals"),
        ({"Goals": ["1"], "AttributionModels": ["BEST"]}, "8000", "BEST"),
        ({"Colour": "red"}, "8000", "Colour"),
    ],
)
def test_what_cannot_be_read_is_refused(direct: Direct, params: dict[str, Any], code: str, names: str) -> None:
    answer = direct.post("/v501/reports", direct.body(**{"SelectionCriteria": DAYS, **params}))
    error = answer.json()["error"]
    assert (answer.status_code, error["error_code"]) == (400, code)
    assert names in error["error_detail"]


def test_the_form_of_a_request(direct: Direct) -> None:
    for body in ({"method": "get", **direct.body()}, [], {"params": []}):
        assert direct.post("/v501/reports", body).status_code == 400
    sent = direct.http.post("/v501/reports", content=b"{", headers={"Authorization": f"Bearer {direct.token}"})
    assert sent.status_code == 400 and sent.json()["error"]["error_code"] == "8000"
    assert direct.http.get("/v501/reports").status_code == 404, "POST alone"
    assert direct.http.post("/v5/unknown").status_code == 404
