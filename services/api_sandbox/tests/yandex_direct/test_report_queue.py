"""Waiting for reports: the answers in between, the places, the names, the limits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from conftest import Caller
from direct_client import TOKEN, Direct

Start = Callable[..., Caller]


def offline(fresh: Start, **settings: Any) -> Direct:
    return Direct(fresh(yandex_direct_online_rows=0, **settings).sandbox)


def ask(direct: Direct, name: str = "report", mode: str = "auto", **params: Any) -> httpx2.Response:
    return direct.post("/v501/reports", direct.body(("Date", "Cost"), name, **params), processingMode=mode)


def code(answer: httpx2.Response) -> tuple[int, str | int]:
    assert answer.json()["error"]["request_id"] == answer.headers["RequestId"]
    return answer.status_code, answer.json()["error"]["error_code"]


def test_a_small_report_is_there_at_once_and_a_large_one_after_a_while(fresh: Start) -> None:
    direct = Direct(fresh(yandex_direct_polls=3).sandbox)
    small = ask(direct)
    assert (small.status_code, small.headers["reportsInQueue"]) == (200, "0")
    assert "Units" not in small.headers and "retryIn" not in small.headers
    large = [ask(direct, "large", mode="offline") for _ in range(6)]
    assert [answer.status_code for answer in large] == [201, 202, 202, 202, 200, 200]
    assert all(answer.content == b"" for answer in large[:4])
    assert [answer.headers["reportsInQueue"] for answer in large] == ["1", "1", "1", "1", "0", "0"]
    assert large[4].text == large[5].text
    assert large[4].text.split("\n")[1:] == small.text.split("\n")[1:]


def test_a_report_that_was_built_at_once_is_stored_too(fresh: Start) -> None:
    direct = Direct(fresh().sandbox)
    stored = ask(direct).text
    direct.sandbox.mutate("revise_yandex_direct_days", days=3)
    assert ask(direct).text == stored
    assert code(ask(direct, IncludeVAT="YES")) == (400, "4000")
    direct.sandbox.mutate("forget_yandex_direct_reports")
    assert ask(direct).text != stored


def test_an_agency_has_places_names_and_requests_for_all_of_its_clients(fresh: Start) -> None:
    direct = offline(fresh, yandex_direct_accounts=2, yandex_direct_places=2, yandex_direct_requests=4)
    agency = Direct(direct.sandbox, f"{TOKEN}-agency")
    one, two = (account.name for account in agency.accounts)

    def ask_for(login: str, name: str) -> httpx2.Response:
        body = agency.body(("Date", "Cost"), name)
        return agency.post("/v501/reports", body, login, processingMode="offline")

    assert ask_for(one, "a").status_code == 201
    assert code(ask_for(two, "a")) == (400, "4000"), "the same name, another client"
    assert ask_for(two, "b").status_code == 201
    assert code(ask_for(two, "c")) == (400, "9000")
    assert code(ask_for(one, "d")) == (400, "56")
    assert ask(direct).status_code == 201, "the client itself has its own"


def test_a_report_of_nothing_has_no_number_of_rows(fresh: Start) -> None:
    direct = Direct(fresh().sandbox)
    nothing = {**direct.season_period, "Filter": [{"Field": "CampaignId", "Operator": "EQUALS", "Values": ["1"]}]}
    answer = ask(direct, SelectionCriteria=nothing)
    assert answer.text.split("\n")[1:] == ["Date\tCost", ""]


def test_a_stored_report_is_not_refreshed_until_it_is_forgotten(fresh: Start) -> None:
    direct = offline(fresh, yandex_direct_polls=0, yandex_direct_keep_seconds=1)
    assert ask(direct).status_code == 201
    time.sleep(0.6)
    stored = ask(direct).text
    time.sleep(0.6)
    assert stored and ask(direct).status_code == 200, "kept from when it was built"
    direct.sandbox.mutate("revise_yandex_direct_days", days=3)
    assert ask(direct).text == stored
    time.sleep(1.1)
    assert ask(direct).status_code == 201
    assert ask(direct).text != stored
    direct.sandbox.mutate("forget_yandex_direct_reports")
    assert ask(direct).status_code == 201


def test_a_name_means_one_request(fresh: Start) -> None:
    direct = offline(fresh)
    assert ask(direct).status_code == 201
    assert code(ask(direct, IncludeVAT="YES")) == (400, "4000")
    assert ask(direct, "another", IncludeVAT="YES").status_code == 201
    assert ask(direct).status_code == 202, "its own poll goes on"


def test_five_places_and_no_sixth(fresh: Start) -> None:
    direct = offline(fresh, yandex_direct_polls=0)
    assert [ask(direct, f"r{n}").status_code for n in range(5)] == [201] * 5
    assert code(ask(direct, "r5")) == (400, "9000")
    assert ask(direct, "r0").status_code == 200
    assert ask(direct, "r5").headers["reportsInQueue"] == "5"


def test_places_are_those_of_a_login(fresh: Start) -> None:
    direct = offline(fresh, yandex_direct_accounts=2, yandex_direct_places=1)
    assert ask(direct).status_code == 201
    assert ask(Direct(direct.sandbox, direct.token + "-2")).status_code == 201
    assert code(ask(direct, "other")) == (400, "9000")


def test_online_is_at_once_or_never(fresh: Start) -> None:
    direct = Direct(fresh(yandex_direct_online_rows=70).sandbox)
    assert ask(direct, mode="online").status_code == 200
    large = direct.post("/v501/reports", direct.body(), processingMode="online")
    assert code(large) == (400, "8000")
    assert code(ask(direct, mode="soon")) == (400, "8000")


def test_retry_in_may_be_anything(fresh: Start) -> None:
    direct = offline(fresh, yandex_direct_polls=4, yandex_direct_retry_in="5, absent,0, soon")
    assert [ask(direct).headers.get("retryIn") for _ in range(5)] == ["5", None, "0", "soon", "5"]


def test_requests_in_ten_seconds_are_counted(fresh: Start) -> None:
    direct = Direct(fresh(yandex_direct_requests=3, yandex_direct_request_seconds=1.0).sandbox)
    assert [ask(direct).status_code for _ in range(3)] == [200] * 3
    assert code(ask(direct)) == (400, "56")
    time.sleep(1.05)
    assert ask(direct).status_code == 200


def test_requests_at_once_are_counted(fresh: Start) -> None:
    direct = Direct(fresh(yandex_direct_connections=2, yandex_direct_answer_seconds=0.5).sandbox)
    answers: list[httpx2.Response] = []
    callers = [threading.Thread(target=lambda n=n: answers.append(ask(direct, f"r{n}"))) for n in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(answer.status_code for answer in answers) == [200, 200, 400]
    assert [code(answer) for answer in answers if answer.status_code == 400] == [(400, "506")]


@pytest.mark.parametrize("text", [True, False])
def test_codes_of_reports_are_texts_or_numbers(fresh: Start, text: bool) -> None:
    direct = Direct(fresh(yandex_direct_text_codes=text).sandbox)
    direct.sandbox.mutate("revoke_yandex_direct_tokens")
    assert code(ask(direct)) == (400, "53" if text else 53)
    assert direct.get("clients", FieldNames=["Login"])["error_code"] == 53, "objects always answer a number"
    direct.sandbox.mutate("restore_yandex_direct_tokens")
    assert ask(direct).status_code == 200


def test_errors_speak_the_language_asked_for(fresh: Start) -> None:
    direct = Direct(fresh().sandbox)

    def said(language: str) -> str:
        return direct.post("/v501/reports", {}, **{"Accept-Language": language}).json()["error"]["error_string"]

    assert said("ru") == "Неверный запрос" and said("en") == said("tr") == "Invalid request"
