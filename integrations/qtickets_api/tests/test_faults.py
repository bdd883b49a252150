"""The fault matrix: whatever goes wrong ends in equality with the source after the next run, or in a clear failure
with nothing half committed. The API's faults are the sandbox's, over real sockets; ClickHouse's are a proxy's."""

import json
from typing import Any

import pytest
from zakaz_common.testing.warehouse_proxy import Fault, misbehaving

pytestmark = pytest.mark.slow

ORDERS = "*/orders"


@pytest.fixture
def last_line(capsys):
    return lambda: json.loads(capsys.readouterr().out.splitlines()[-1])


def watermark(loader):
    return loader.one("SELECT max(toUnixTimestamp(watermark)) FROM meta.watermarks")


def change(api):
    """What happens between two runs."""
    api.mutate("insert_orders", count=60, at="-900")
    api.mutate("refund_orders", count=8, at="-800")
    api.mutate("cancel_orders", count=5, at="-700")


PASSING: list[Any] = [
    pytest.param({"kind": "status", "status": 429, "retry_after": 7}, id="429 with Retry-After"),
    pytest.param({"kind": "status", "status": 429}, id="429 without Retry-After"),
    pytest.param({"kind": "status", "status": 500}, id="500"),
    pytest.param({"kind": "status", "status": 503, "times": 3}, id="503 three times"),
    pytest.param({"kind": "cut"}, id="cut in mid-body"),
    pytest.param({"kind": "cut", "reset": True}, id="reset in mid-body"),
    pytest.param({"kind": "cut", "keep": 0}, id="cut before the body"),
    pytest.param({"kind": "truncate"}, id="truncated JSON"),
    pytest.param({"kind": "truncate", "keep": 0}, id="empty body"),
    pytest.param({"kind": "html"}, id="HTML with 200"),
    pytest.param({"kind": "status", "status": 200, "body": {"status": "error", "code": 5}}, id="another envelope"),
    pytest.param({"kind": "slow", "seconds": 0.05, "pieces": 20}, id="slow in pieces"),
    pytest.param({"kind": "duplicate_page"}, id="a page twice"),
    pytest.param({"kind": "clock_skew", "seconds": 600, "times": 0}, id="clock ten minutes ahead"),
    pytest.param({"kind": "clock_skew", "seconds": -600, "times": 0}, id="clock ten minutes behind"),
    pytest.param(
        {"kind": "edit", "times": 0, "edits": [{"path": "data.*.brand_new", "value": {"a": 1}}]}, id="new fields"
    ),
    pytest.param(
        {
            "kind": "edit",
            "times": 0,
            "edits": [{"path": f"data.*.{f}", "value": []} for f in ("custom", "client", "fields")],
        },
        id="lists for objects",
    ),
    pytest.param({"kind": "edit", "times": 0, "edits": [{"path": "data.*.client", "op": "delete"}]}, id="a field less"),
    pytest.param({"kind": "ignore_filters", "times": 0}, id="filters ignored"),
]


AT_THE_EDGES = [param for param in PASSING if param.id in ("cut in mid-body", "a page twice", "filters ignored")]
EVERY = [(param.values[0], 2) for param in PASSING] + [(p.values[0], nth) for p in AT_THE_EDGES for nth in (1, 4)]


@pytest.mark.parametrize(
    ("fault", "nth"), EVERY, ids=[p.id for p in PASSING] + [f"{p.id} {n}" for p in AT_THE_EDGES for n in (1, 4)]
)
def test_a_passing_fault_is_lived_through(loader, api, fault, nth):
    api.inject(**{"route": ORDERS, "nth": nth, **fault})
    assert loader.run() == 0
    api.reset()
    change(api)
    api.inject(**{"route": ORDERS, "nth": min(nth, 2), **fault})
    assert loader.run() == 0
    api.reset()
    assert loader.run() == 0
    loader.assert_equal_to(api.season)
    assert api.violations == []


def test_the_wait_of_a_429_is_exactly_what_was_asked_for(loader, api):
    api.inject("status", route=ORDERS, nth=2, times=2, status=429, retry_after=7)
    assert loader.run() == 0
    assert [wait for wait in loader.waits if wait > 0.1] == [7.0, 7.0]


LASTING: list[Any] = [
    pytest.param({"kind": "status", "status": 503, "times": 0}, 69, "answered 503", id="503 that lasts"),
    pytest.param(
        {"kind": "status", "status": 429, "retry_after": 5000, "times": 0}, 75, "wait 5000 s", id="429 too long"
    ),
    pytest.param({"kind": "html", "times": 0}, 69, "text/html, JSON was expected", id="HTML that lasts"),
    pytest.param({"kind": "truncate", "times": 0}, 69, "unreadable answer", id="truncated that lasts"),
    pytest.param({"kind": "cut", "times": 0}, 69, "failed at orders", id="cut that lasts"),
    pytest.param({"kind": "status", "status": 403, "times": 0}, 78, "QTICKETS_TOKEN", id="token revoked"),
    pytest.param({"kind": "html", "status": 404, "times": 0}, 78, "QTICKETS_BASE_URL", id="no such route"),
    pytest.param(
        {"kind": "status", "status": 302, "headers": {"location": "https://other.example/"}, "times": 0},
        78,
        "redirects orders to other.example",
        id="redirect to another host",
    ),
    pytest.param(
        {"kind": "edit", "times": 0, "edits": [{"path": "data.*.event_id", "value": "a lot"}]},
        65,
        "were rejected",
        id="wrong types everywhere",
    ),
    pytest.param(
        {"kind": "edit", "times": 0, "edits": [{"path": "data.*.baskets", "op": "delete"}]},
        65,
        "were rejected",
        id="a required field missing",
    ),
    pytest.param(
        {"kind": "edit", "times": 0, "edits": [{"path": "paging.total", "value": 100000}]},
        65,
        "still counts more records than it shows",
        id="a total that is not reached",
    ),
]


@pytest.mark.parametrize(("fault", "code", "sentence"), LASTING)
def test_a_lasting_fault_fails_clearly_and_commits_nothing(loader, api, last_line, fault, code, sentence):
    assert loader.run() == 0
    mark = watermark(loader)
    change(api)
    before = loader.rows("SELECT * EXCEPT (_loaded_at) FROM bi.v_sales_daily ORDER BY ALL")
    api.inject(**{"route": ORDERS, "nth": 2, **fault})
    assert loader.run() == code
    line = last_line()
    assert line["event"] == "run_failed"
    assert sentence in line["error"]
    assert "\n" not in line["error"]
    assert watermark(loader) == mark
    assert loader.rows("SELECT * EXCEPT (_loaded_at) FROM bi.v_sales_daily ORDER BY ALL") == before
    api.reset()
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def test_a_token_revoked_in_mid_run_and_given_back(loader, api, last_line):
    api.inject("mutate", route=ORDERS, nth=3, mutations=[{"kind": "revoke_qtickets_tokens"}])
    assert loader.run() == 78
    assert "QTICKETS_TOKEN" in last_line()["error"]
    assert watermark(loader) == 0
    api.mutate("restore_qtickets_tokens")
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


@pytest.mark.parametrize(("first", "nth"), [(True, 2), (True, 4), (False, 2)])
def test_orders_that_come_change_and_go_while_paging(loader, api, nth, first):
    if not first:
        assert loader.run() == 0
        change(api)
    mutations = [
        {"kind": "insert_orders", "count": 30},
        {"kind": "update_orders", "count": 12},
        {"kind": "cancel_orders", "count": 6},
        {"kind": "refund_orders", "count": 6},
    ]
    api.inject("mutate", route=ORDERS, nth=nth, mutations=mutations)
    assert loader.run() == 0
    # what changed while it was read is in the next window, once that has settled
    settle(api)
    assert loader.run() == 0
    loader.assert_equal_to(api.season)


def settle(api):
    """Let two minutes pass: the API's clock moves on by a header, for the rest of the test."""
    api.inject("clock_skew", route="/api/*", times=0, seconds=180)


def test_a_few_bad_records_go_to_the_dead_letters_and_come_back_when_mended(loader, api, last_line):
    tolerant = loader.having(loader_max_rejected_ratio=0.05)
    api.inject("edit", route=ORDERS, nth=2, edits=[{"path": "data.3.event_id", "value": None}])
    assert tolerant.run() == 0
    assert last_line()["rows_rejected"] == 1
    (rejected,) = loader.rows("SELECT dataset, record_key, json_path, reason FROM meta.rejected_records")
    assert rejected[0] == "orders"
    assert rejected[2] == "$.event_id"
    assert int(rejected[1]) in api.season.orders
    assert loader.one("SELECT count() FROM zakaz.stg_qtickets_orders FINAL") == 179
    loader.client.command("TRUNCATE TABLE meta.watermarks")
    assert tolerant.run() == 0
    loader.assert_equal_to(api.season)


@pytest.fixture
def proxied(loader):
    from urllib.parse import urlsplit

    port = urlsplit(loader.client.url).port
    with misbehaving(port) as proxy:
        yield proxy


WAITED_OUT = [
    Fault("error", code=164, skip=3, times=4),  # read-only
    Fault("error", code=242, text="INSERT", skip=1, times=2),  # the table is read-only
    Fault("error", code=252, text="stg_qtickets_tickets", times=2),  # too many parts
    Fault("error", code=241, times=2, skip=5),  # memory
    Fault("error", code=202, times=2, skip=9),  # too many queries
    Fault("drop", skip=6, times=2),
    Fault("lose", text="stg_qtickets_orders", times=1),
    Fault("lose", text="INSERT", skip=2, times=2),
    Fault("lose", text="dm_sales_daily", times=1),
    Fault("lose", text="etl_runs", times=1),
    Fault("slow", seconds=0.3, times=5, skip=2),
]


@pytest.mark.parametrize("fault", WAITED_OUT, ids=lambda f: f"{f.kind} {f.code or ''} {f.text} {f.skip}")
def test_a_passing_fault_of_clickhouse_is_waited_out(loader, api, proxied, fault):
    from dataclasses import replace

    client = proxied.client()
    proxied.faults.append(replace(fault))
    assert loader.via(client).run() == 0
    assert proxied.struck > 0
    loader.assert_equal_to(api.season)
    proxied.faults.clear()
    assert loader.via(client).run() == 0
    assert loader.last_run("rows_written") == (0,)
    loader.assert_equal_to(api.season)


GIVEN_UP = [
    (Fault("error", code=243, text="INSERT"), 74, "its disk is full"),
    (Fault("error", code=243, text="stg_qtickets_orders"), 74, "its disk is full"),
    (Fault("error", code=243, text="dm_sales_daily"), 74, "its disk is full"),
    (Fault("error", code=497, text="stg_qtickets_tickets"), 78, "lacks a right"),
    (Fault("error", code=60, text="dm_sales_daily"), 78, "apply the schema"),
    (Fault("error", code=164, text="INSERT"), 69, "until the retries ran out"),
    (Fault("drop"), 69, "did not answer"),
    (Fault("error", code=243, text="etl_runs"), 74, "its disk is full"),
    (Fault("error", code=243, text="meta.watermarks"), 74, "its disk is full"),
]


@pytest.mark.parametrize(("fault", "code", "sentence"), GIVEN_UP, ids=lambda v: getattr(v, "text", None))
def test_a_lasting_fault_of_clickhouse_fails_clearly_and_the_next_run_mends_it(
    loader, api, proxied, last_line, fault, code, sentence
):
    from dataclasses import replace

    client = proxied.client()
    proxied.faults.append(replace(fault))
    impatient = loader.having(loader_deadline_seconds=60)
    assert impatient.via(client).run() == code
    line = last_line()
    assert sentence in line["error"]
    assert watermark(loader) == 0
    proxied.faults.clear()
    assert loader.via(client).run() == 0
    loader.assert_equal_to(api.season)
