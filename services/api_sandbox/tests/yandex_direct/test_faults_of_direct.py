"""Faults on the routes of Direct: in the text of a report before it is compressed, and around it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime

import httpx2
import pytest
from conftest import SEASON_END
from direct_client import Direct, rows_of

from api_sandbox.testing import running_sandbox

FIELDS = ("Date", "CampaignName", "Cost")
KEYED = ("Date", "CampaignId", "AdId", "AdNetworkType", "CampaignName", "Clicks", "Cost")


@pytest.fixture(scope="module")
def service() -> Iterator[Direct]:
    with running_sandbox(
        orders=60, season_end=SEASON_END, yandex_direct_requests=10**6, yandex_direct_online_rows=10**6
    ) as sandbox:
        yield Direct(sandbox)


@pytest.fixture
def direct(service: Direct) -> Direct:
    service.sandbox.reset()
    return service


def ask(direct: Direct, **headers: str) -> httpx2.Response:
    return direct.post("/v501/reports", direct.body(FIELDS), **headers)


def edit(direct: Direct, path: str, value: object = None, op: str = "set") -> None:
    direct.sandbox.inject("edit", route="*/reports", edits=[{"path": path, "op": op, "value": value}])


def test_cells_are_edited_wherever_the_names_stand(direct: Direct) -> None:
    for headers in ({}, {"skipReportHeader": "true"}, {"skipReportSummary": "true"}):
        usual = ask(direct, **headers).text.split("\n")
        edit(direct, "rows.*.Cost", "--")
        lines = ask(direct, **headers).text.split("\n")
        assert len(lines) == len(usual)
        for line, before in zip(lines, usual, strict=True):
            cells, others = line.split("\t"), before.split("\t")
            assert cells == (others if len(others) == 1 or others[0] == "Date" else [*others[:2], "--"])


def test_quotes_are_text(direct: Direct) -> None:
    assert any('"' in row["CampaignName"] for row in rows_of(ask(direct).text)), "there is one to keep"
    usual = ask(direct).text
    edit(direct, "rows.0.Cost", "7")
    assert ask(direct).text.split("\n")[3:] == usual.split("\n")[3:]


def test_a_row_is_lost_and_the_count_does_not_know(direct: Direct) -> None:
    usual = rows_of(ask(direct).text)
    edit(direct, "rows.0", op="delete")
    lines = ask(direct).text.removesuffix("\n").split("\n")
    assert lines[-1] == f"Total rows: {len(usual)}" and len(lines) == len(usual) + 2
    edit(direct, "total", 5)
    assert ask(direct).text.endswith("\nTotal rows: 5\n")
    edit(direct, "rows.1.Cost", op="delete")
    assert ask(direct).text.split("\n")[3].count("\t") == 1, "a cell less"


def test_an_empty_report_and_a_waiting_one_have_nothing_to_edit(direct: Direct) -> None:
    edit(direct, "rows.*.Cost", "--")
    assert direct.report(FIELDS, SelectionCriteria={**direct.season_period, "Filter": [
        {"Field": "CampaignId", "Operator": "EQUALS", "Values": ["1"]}]}) == []  # fmt: skip
    edit(direct, "rows.*.Cost", "--")
    waiting = direct.post("/v501/reports", direct.body(FIELDS, "waiting"), processingMode="offline")
    assert (waiting.status_code, waiting.content) == (201, b"")


def test_a_truncated_report_is_compressed_as_it_is(direct: Direct) -> None:
    usual = ask(direct).content
    direct.sandbox.inject("truncate", route="*/reports", keep=300)
    answer = ask(direct)
    assert answer.headers["content-encoding"] == "gzip" and answer.content == usual[:300]


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_ends_in_mid_body(direct: Direct, reset: bool) -> None:
    direct.sandbox.inject("cut", route="*/reports", reset=reset)
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        ask(direct)
    assert ask(direct).status_code == 200


def test_pages_of_the_gateway_and_errors_of_the_service(direct: Direct) -> None:
    direct.sandbox.inject("html", route="*/reports", status=502)
    page = ask(direct)
    assert page.status_code == 502 and page.headers["content-type"].startswith("text/html")
    body = {"error": {"request_id": "1", "error_code": "1000", "error_string": "x", "error_detail": ""}}
    direct.sandbox.inject("status", route="*/reports", status=500, body=body)
    assert (ask(direct).status_code, ask(direct).status_code) == (500, 200)
    assert direct.sandbox.pending_faults() == []


def test_slow_answers_and_a_clock_that_is_off(direct: Direct) -> None:
    direct.sandbox.inject("slow", route="*/reports", seconds=0.2, pieces=3)
    began = time.monotonic()
    assert rows_of(ask(direct).text) and time.monotonic() - began > 0.6
    direct.sandbox.inject("clock_skew", route="*/reports", seconds=7200)
    there, here = (parsedate_to_datetime(ask(direct).headers["date"]) for _ in range(2))
    assert 7190 < (there - here).total_seconds() < 7210


def test_objects_are_edited_as_json(direct: Direct) -> None:
    direct.sandbox.inject("edit", route="*/campaigns", edits=[{"path": "result.Campaigns.*.Id", "value": "x"}])
    assert {one["Id"] for one in direct.get("campaigns", FieldNames=["Id"])["Campaigns"]} == {"x"}


def test_a_share_of_rows_is_spoilt_and_told_of(direct: Direct) -> None:
    usual = {tuple(row.values())[:4]: row for row in direct.report(KEYED)}
    direct.sandbox.inject("spoil", route="*/reports", rank="identity", share=0.3, times=0, paths=["Cost", "Clicks"])
    told = {(one["id"], one["path"]) for one in direct.sandbox.damages()}
    found = set()
    rows = direct.report(KEYED)
    assert rows == direct.report(KEYED), "the same in every report"
    for row in rows:
        before = usual[tuple(row.values())[:4]]
        for name in ("Cost", "Clicks"):
            if row[name] != before[name]:
                number = int(row["CampaignId"] if row["AdId"] == "--" else row["AdId"])
                found.add((number, f"$[{row['Date']}][{row['AdNetworkType']}].{name}"))
    assert found == told and 0.2 < len(found) / len(rows) < 0.4
    assert {path.rpartition(".")[2] for _, path in found} == {"Cost", "Clicks"}


@pytest.mark.parametrize("form", ["noise", "fraction", "string", "spaced", "exponent"])
def test_money_in_other_forms_is_the_same_money(direct: Direct, form: str) -> None:
    usual = direct.report(KEYED)
    direct.sandbox.inject("money", route="*/reports", form=form)
    for before, after in zip(usual, direct.report(KEYED), strict=True):
        cell = after["Cost"]
        assert (cell == before["Cost"]) == (form == "spaced" and len(cell) < 8)
        read = re.sub(r'["\s]', "", cell)
        assert round(Decimal(read), 2) == Decimal(before["Cost"])


@pytest.mark.parametrize("form", ["surrogate", "nul", "control", "bidi", "huge", "emoji", "invalid_utf8"])
def test_odd_characters_in_names(direct: Direct, form: str) -> None:
    period = {"DateFrom": str(SEASON_END - timedelta(days=2)), "DateTo": str(SEASON_END)}
    body = direct.body(KEYED, SelectionCriteria=period)
    usual = direct.post("/v501/reports", body).content.split(b"\n")
    direct.sandbox.inject("text", route="*/reports", form=form, share=0.5)
    lines = direct.post("/v501/reports", body).content.split(b"\n")
    changed = [line for line, before in zip(lines, usual, strict=True) if line != before]
    assert 0.3 < len(changed) / len(lines) < 0.7
    added = {
        "surrogate": b"\xed\xa0\xbd", "nul": b"\x00", "control": b"\x1b[31m", "bidi": "\u202e".encode(),
        "huge": "ж".encode() * 32_768, "emoji": "🎭".encode(), "invalid_utf8": b"\xff\xfe",
    }[form]  # fmt: skip
    assert all(added in line for line in changed)
    direct.sandbox.inject("text", route="*/reports", form=form)
    edit(direct, "rows.*.Cost", "7.00")
    both = direct.post("/v501/reports", body).content
    assert both.count(added) >= len(usual) - 4 and both.count(b"\t7.00\n") == len(usual) - 4, "another fault leaves it"


def test_rows_that_do_not_tell_what_they_are_of_are_left_alone(direct: Direct) -> None:
    usual = direct.report(FIELDS)
    direct.sandbox.inject("spoil", route="*/reports", rank="identity", times=0)
    assert direct.report(FIELDS) == usual
    assert direct.get("campaigns", FieldNames=["Id"])["Campaigns"]
