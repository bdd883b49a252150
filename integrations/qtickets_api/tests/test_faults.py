"""Faults that only this API has, over real sockets; `test_contract.py` has those of every API and of ClickHouse."""

import json
from typing import Any

import pytest

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
    pytest.param({"kind": "duplicate_page"}, id="a page twice"),
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


AT_THE_EDGES = [param for param in PASSING if param.id in ("a page twice", "filters ignored")]
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


LASTING: list[Any] = [
    pytest.param({"kind": "status", "status": 403, "times": 0}, 78, "QTICKETS_TOKEN", id="token revoked"),
    pytest.param({"kind": "html", "status": 404, "times": 0}, 78, "QTICKETS_BASE_URL", id="no such route"),
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
