"""What each code of Direct means for a run."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from yandex_direct.access.accounts import Account
from yandex_direct.access.refusals import (
    AccessRefused,
    BuildFailed,
    NameTaken,
    QueueFull,
    UnitsUsedUp,
    read_refusal,
)
from zakaz_common.http import ErrorAnswer, RateLimitedError, RequestRejectedError, TransientError

OWN = Account("main", SecretStr("t-secret"))
CLIENT = Account("client-1", SecretStr("t-secret"), "client-1", "YANDEX_DIRECT_ACCOUNTS", "YANDEX_DIRECT_ACCOUNTS")


def refusal(code: str, *, status: int = 200, path: str = "/json/v501/ads", account: Account = OWN, detail: object = ""):
    body = {"error": {"error_code": code, "error_detail": detail, "error_string": "Ошибка"}}
    return read_refusal(account, ErrorAnswer(path, status, code, body, f"Direct answered {status} ({code})"))


@pytest.mark.parametrize("code", ["52", "1000", "1001", "1002"])
def test_a_fault_of_the_server_is_tried_again(code: str) -> None:
    assert type(refusal(code)) is TransientError


@pytest.mark.parametrize("code", ["56", "506"])
def test_a_limit_of_requests_is_waited_for(code: str) -> None:
    error = refusal(code)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after is not None and error.retry_after >= 10


@pytest.mark.parametrize(
    ("code", "kind", "exit_code"),
    [
        ("53", AccessRefused, 78), ("54", AccessRefused, 78), ("58", AccessRefused, 78), ("3000", AccessRefused, 78),
        ("3228", AccessRefused, 78), ("513", AccessRefused, 78), ("8800", AccessRefused, 78), ("152", UnitsUsedUp, 75),
        ("9000", QueueFull, 75), ("4000", NameTaken, 65), ("4001", RequestRejectedError, 65),
        ("8000", RequestRejectedError, 65), ("55", RequestRejectedError, 65), ("77777", RequestRejectedError, 65),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 400])
def test_another_code_stops(code: str, kind: type, exit_code: int, status: int) -> None:
    error = refusal(code, status=status, path="/json/v501/reports")
    assert type(error) is kind
    assert error.exit_code == exit_code
    assert code in str(error) and "t-secret" not in str(error)


def test_a_token_that_is_no_more_is_the_business_of_whom_it_belongs_to() -> None:
    assert "YANDEX_DIRECT_TOKEN" in str(refusal("53"))
    assert "the advertiser must sign in again" in str(refusal("53"))
    told = str(refusal("53", account=CLIENT))
    assert "the representative of the agency of client-1 must sign in again" in told
    assert "YANDEX_DIRECT_ACCOUNTS" in told
    for status in (401, 403):
        assert "must sign in again" in str(refusal("", status=status))


@pytest.mark.parametrize(
    ("account", "variable"), [(OWN, "YANDEX_DIRECT_AGENCY_CLIENTS"), (CLIENT, "YANDEX_DIRECT_ACCOUNTS")]
)
@pytest.mark.parametrize("code", ["54", "513", "8800"])
def test_a_login_that_is_wrong_is_named_by_its_setting(code: str, account: Account, variable: str) -> None:
    assert variable in str(refusal(code, account=account))


def test_what_direct_says_is_shown_in_short_and_without_addresses() -> None:
    told = str(refusal("8000", detail="Поле X\nдля a@example.com " + "й" * 500))
    assert "Поле X для …" in told and "@" not in told and "\n" not in told
    assert len(told) < 400
    assert "YANDEX_DIRECT_AGENCY_CLIENTS" in told, "an agency's token without a login is refused so"
    assert "Ошибка" in str(refusal("4001", detail=None))
    assert refusal("4001", detail=["x"]) is not None


@pytest.mark.parametrize("status", [500, 502])
@pytest.mark.parametrize("code", ["", "1000", "1002", "77777"])
def test_a_report_that_could_not_be_built_is_told_apart(status: int, code: str) -> None:
    error = refusal(code, status=status, path="/json/v501/reports")
    assert isinstance(error, BuildFailed) and error.too_much == (status == 502)
    assert not isinstance(refusal(code, status=status), BuildFailed)
    assert not isinstance(refusal(code, status=503, path="/json/v501/reports"), BuildFailed)


def test_a_gateways_page_says_nothing_of_the_report() -> None:
    error = read_refusal(OWN, ErrorAnswer("/json/v501/reports", 502, "", {}, "x"))
    assert isinstance(error, BuildFailed) and not error.too_much


@pytest.mark.parametrize("body", [{}, [], None, {"error": "x@example.com"}, {"error": None}])
def test_an_error_without_a_code_is_judged_by_its_status(body: object) -> None:
    assert read_refusal(OWN, ErrorAnswer("/json/v501/ads", 500, "", body, "x")) is None
    assert read_refusal(OWN, ErrorAnswer("/json/v501/ads", 400, "", body, "x")) is None


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_code_nobody_knows_does_not_outweigh_a_status_that_passes(status: int) -> None:
    assert refusal("1234", status=status, detail="busy") is None
    assert isinstance(refusal("53", status=status), AccessRefused), "a known one does"
