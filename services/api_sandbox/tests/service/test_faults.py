"""Every scripted fault, felt by a real client over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime

import httpx2
import pytest
from conftest import Caller

from api_sandbox.service.faults import Edit, apply_edits, edited_csv

Start = Callable[..., Caller]
ORDERS = "*/orders"


@pytest.fixture(scope="module")
def service() -> object:
    """One service for the tests that only inject; each begins without faults."""
    from conftest import SEASON_END

    from api_sandbox.testing import running_sandbox

    with running_sandbox(orders=160, season_end=SEASON_END, vk_banners=60) as sandbox:
        yield Caller(sandbox)


@pytest.fixture
def caller(service: Caller) -> Caller:
    service.sandbox.reset()
    return service


def page(caller: Caller, number: int = 1) -> httpx2.Response:
    return caller.qtickets("/orders", {"page": number})


def test_a_fault_strikes_the_nth_request_so_many_times(caller: Caller) -> None:
    caller.sandbox.inject("status", route=ORDERS, nth=2, times=2, status=500)
    assert [page(caller).status_code for _ in range(5)] == [200, 500, 500, 200, 200]
    assert caller.sandbox.pending_faults() == []


def test_a_lasting_fault_ends_when_cleared(caller: Caller) -> None:
    caller.sandbox.inject("status", route=ORDERS, times=0, status=503)
    assert [page(caller).status_code for _ in range(6)] == [503] * 6
    assert len(caller.sandbox.pending_faults()) == 1
    caller.sandbox.reset()
    assert page(caller).status_code == 200


def test_routes_methods_and_pages_are_told_apart(caller: Caller) -> None:
    caller.sandbox.inject("status", route="GET /api/rest/v1/events", status=500)
    caller.sandbox.inject("status", route=ORDERS, page=3, status=500)
    assert [page(caller, n).status_code for n in (1, 2, 3, 4)] == [200, 200, 500, 200]
    assert caller.qtickets("/events").status_code == 500
    assert caller.http.get("/healthz").status_code == 200


@pytest.mark.parametrize("retry_after", [7, "Wed, 21 Oct 2026 07:28:00 GMT", None])
def test_429(caller: Caller, retry_after: object) -> None:
    caller.sandbox.inject("status", route=ORDERS, status=429, retry_after=retry_after)
    answer = page(caller)
    assert answer.status_code == 429
    assert answer.headers.get("retry-after") == (None if retry_after is None else str(retry_after))


def test_own_headers_and_body(caller: Caller) -> None:
    headers = {"X-RateLimit-Hourly-Remaining": "0"}
    body = {"error": {"code": "ERR_INTERNAL", "message": "x"}}
    caller.sandbox.inject("status", route="/api/v2/*", status=502, headers=headers, body=body)
    answer = caller.vk("ad_plans.json", "any")
    assert (answer.status_code, answer.json()) == (502, body)
    assert answer.headers["X-RateLimit-Hourly-Remaining"] == "0"


def test_html_with_200(caller: Caller) -> None:
    caller.sandbox.inject("html", route=ORDERS)
    answer = page(caller)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    with pytest.raises(ValueError):
        answer.json()


@pytest.mark.parametrize("keep", [0, 1000, None])
def test_connection_cut_in_mid_body(caller: Caller, keep: int | None) -> None:
    caller.sandbox.inject("cut", route=ORDERS, keep=keep)
    with pytest.raises(httpx2.RemoteProtocolError):
        page(caller)
    assert page(caller).status_code == 200


def test_connection_reset(caller: Caller) -> None:
    caller.sandbox.inject("cut", route=ORDERS, reset=True)
    with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
        page(caller)
    assert page(caller).status_code == 200


def test_truncated_json_looks_whole(caller: Caller) -> None:
    caller.sandbox.inject("truncate", route=ORDERS, keep=500)
    answer = page(caller)
    assert (answer.status_code, len(answer.content)) == (200, 500)
    assert answer.headers["content-length"] == "500" and answer.headers["content-type"] == "application/json"
    with pytest.raises(ValueError):
        answer.json()


def test_slow_answers_reach_a_timeout(caller: Caller) -> None:
    caller.sandbox.inject("slow", route=ORDERS, seconds=1.5)
    with pytest.raises(httpx2.ReadTimeout):
        caller.http.get(
            "/api/rest/v1/orders",
            headers={"Authorization": f"Bearer {caller.sandbox.qtickets_token}"},
            timeout=0.3,
        )


def test_trickling_answers_stay_whole(caller: Caller) -> None:
    plain = page(caller).content
    caller.sandbox.inject("slow", route=ORDERS, seconds=0.02, pieces=5)
    with caller.http.stream(
        "GET", "/api/rest/v1/orders", headers={"Authorization": f"Bearer {caller.sandbox.qtickets_token}"}
    ) as answer:
        pieces = list(answer.iter_raw())
    assert len(pieces) >= 3 and b"".join(pieces) == plain


def test_wrong_types_missing_and_new_fields(caller: Caller) -> None:
    edits = [
        {"path": "data.0.price", "value": "12,50"},
        {"path": "data.1.created_at", "op": "delete"},
        {"path": "data.*.brand_new", "value": {"a": 1}},
        {"path": "data.2.baskets", "value": []},
        {"path": "data.3.client", "value": []},
        {"path": "data.999.price", "value": 1},
    ]
    caller.sandbox.inject("edit", route=ORDERS, edits=edits)
    rows = page(caller).json()["data"]
    assert rows[0]["price"] == "12,50" and "created_at" not in rows[1]
    assert all(row["brand_new"] == {"a": 1} for row in rows) and len(rows) == 50
    assert rows[2]["baskets"] == [] and rows[3]["client"] == []
    assert "brand_new" not in page(caller).json()["data"][0], "only the answer was changed, not the season"


def test_edits_reach_inside_lists_and_leave_absent_parents_alone() -> None:
    document = {"items": [{"rows": [{"base": {"spent": "1"}}, {}]}, {"rows": []}], "total": {}}
    apply_edits(document, [Edit(path="items.*.rows.*.base.spent", value=None), Edit(path="none.x.y", value=1)])
    assert document == {"items": [{"rows": [{"base": {"spent": None}}, {}]}, {"rows": []}], "total": {}}
    apply_edits(document, [Edit(path="items.-1", op="delete"), Edit(path="total.absent", op="delete")])
    assert document == {"items": [{"rows": [{"base": {"spent": None}}, {}]}], "total": {}}


def test_cells_of_a_table_are_edited_by_their_heading() -> None:
    edits = [Edit(path="rows.*.amount", value="?"), Edit(path="rows.1.city", op="delete")]
    assert edited_csv('id,city,amount\n1,"Орёл, центр",5\n2,Омск,7\n'.encode(), edits) == (
        'id,city,amount\n1,"Орёл, центр",?\n2,,?\n'.encode()
    )
    assert edited_csv(b"id,amount\n", edits) == b"id,amount\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_keeps_the_delimiter_of_its_headings(delimiter: str) -> None:
    table = f"id{delimiter}amount\n1{delimiter}5\n2{delimiter}7\n"
    assert edited_csv(table.encode(), [Edit(path="rows.0.amount", value="x")]).decode() == table.replace("5", "x")


def test_duplicate_page(caller: Caller) -> None:
    caller.sandbox.inject("duplicate_page", route=ORDERS, page=3)
    second, third = page(caller, 2).json(), page(caller, 3).json()
    assert third["data"] == second["data"] and third["paging"]["currentPage"] == 3
    assert page(caller, 3).json()["data"] != second["data"]


def test_duplicate_page_of_a_listing(caller: Caller) -> None:
    token = caller.vk_grant().json()["access_token"]
    first = caller.vk("banners.json", token, limit=10, offset=0).json()
    caller.sandbox.inject("duplicate_page", route="*/banners.json")
    again = caller.vk("banners.json", token, limit=10, offset=10).json()
    assert again["items"] == first["items"] and again["offset"] == 10


def test_a_server_that_ignores_filters(caller: Caller) -> None:
    where = {"where": [{"column": "payed", "value": 1}]}
    filtered = caller.qtickets("/orders", where).json()["paging"]["total"]
    caller.sandbox.inject("ignore_filters", route=ORDERS, times=0)
    answer = caller.qtickets("/orders", where).json()
    assert answer["paging"]["total"] == len(caller.sandbox.season.orders) > filtered
    assert not all(row["payed"] for row in answer["data"])
    assert caller.sandbox.requests[-1]["body"] == where, "the log shows what was asked"


@pytest.mark.parametrize("seconds", [600, -600])
def test_clock_skew_moves_only_the_date_header(caller: Caller, seconds: int) -> None:
    def date() -> float:
        return parsedate_to_datetime(page(caller).headers["date"]).timestamp()

    plain = date()
    caller.sandbox.inject("clock_skew", times=0, seconds=seconds)
    assert abs(date() - plain - seconds) < 30


def test_faults_add_up_on_one_request(caller: Caller) -> None:
    caller.sandbox.inject("clock_skew", times=0, seconds=600)
    caller.sandbox.inject("edit", route=ORDERS, edits=[{"path": "data.0.id", "value": "x"}])
    caller.sandbox.inject("truncate", route=ORDERS, nth=2, keep=3)
    assert page(caller).json()["data"][0]["id"] == "x"
    assert len(page(caller).content) == 3


def test_log_tells_what_was_asked_and_holds_no_credential(caller: Caller) -> None:
    caller.sandbox.inject("status", route=ORDERS, status=500)
    page(caller, 2)
    secret = caller.sandbox.vk_clients[0][1]
    token = caller.vk_grant().json()["access_token"]
    caller.vk("ad_plans.json", token, limit=5)
    log = caller.sandbox.requests
    assert [(e["method"], e["path"], e["status"]) for e in log] == [
        ("GET", "/api/rest/v1/orders", 500),
        ("POST", "/api/v2/oauth2/token.json", 200),
        ("GET", "/api/v2/ad_plans.json", 200),
    ]
    assert log[0]["body"] == {"page": 2} and log[0]["faults"] == ["status"] and log[2]["query"] == {"limit": "5"}
    assert not any(text in repr(log) for text in (secret, token, caller.sandbox.qtickets_token))
    assert caller.sandbox.count("/api/v2/*") == 2


@pytest.mark.parametrize(
    "body",
    ['[{"kind":"nonsense"}]', '[{"kind":"status","rout":"x"}]', '{"kind":"status"}', "[", '[{"kind":"cut","nth":"a"}]'],
)
def test_a_misspelt_fault_is_refused(caller: Caller, body: str) -> None:
    answer = caller.http.post("/sandbox/faults", content=body)
    assert answer.status_code == 400 and answer.json()["error"]
    assert caller.sandbox.pending_faults() == []


def test_inject_raises_on_a_misspelt_field(caller: Caller) -> None:
    with pytest.raises(ValueError, match="retry"):
        caller.sandbox.inject("status", retry=5)
