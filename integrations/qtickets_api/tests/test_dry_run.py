"""What the dry run is made of, and settings that only this loader has."""

import json
import re
from pathlib import Path

import pytest

HERE = Path(__file__).resolve()
CAPTURES = HERE.parent / "captures"
MONEY = ("price", "original_price", "discount_value", "ticket_amount", "refunded_at", "refunded_amount", "deleted_at")
FIXTURES = HERE.parents[1] / "src/qtickets_api/fixtures"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"QTICKETS_OPTIONAL_DATASETS": "inventory,seats"}, "unknown dataset seats; known are barcodes, "),
        ({"QTICKETS_BASE_URL": "qtickets.ru"}, "QTICKETS_BASE_URL is wrong.*must begin with http"),
    ],
)
def test_wrong_variables_end_in_one_sentence_and_78(loader, environment, sentence):
    done = loader.command("run", **environment)
    assert done.returncode == 78
    assert re.search(sentence, done.last["error"])


def bundled(prefix):
    return [row for path in FIXTURES.glob(f"{prefix}*.json") for row in json.loads(path.read_text())["data"]]


def test_the_bundled_fixtures_hold_nobodys_data():
    text = "".join(path.read_text() for path in FIXTURES.iterdir())
    assert not re.search(r"[\w.]+@[\w.]+", text)
    assert not re.search(r"\+7\d{6}", text)
    assert not re.search(r'"barcode":"[^"]', text)
    for key in ("client_email", "client_phone", "client_name", "client_surname", "cancel_url", "payment_url"):
        assert set(re.findall(rf'"{key}":("[^"]*"|null)', text)) == {'""'}


def test_recorded_answers_are_among_the_bundled_fixtures():
    """What the service really sends is shown too: two orders (one of them unpaid) and an exhibition."""
    recorded = {row["id"]: row for row in json.loads((CAPTURES / "qtickets_orders.json").read_text())["data"]}
    shown = [row for row in bundled("orders") if row["id"] in recorded]
    assert {row["payed"] for row in shown} == {True, False}
    for row in shown:
        as_recorded = recorded[row["id"]]
        assert row.keys() == as_recorded.keys()
        for name in ("price", "original_price", "utm", "payed_at", "reserve_extended", "discount_id", "deleted_at"):
            assert row[name] == as_recorded[name]
        for basket, whole in zip(row["baskets"], as_recorded["baskets"], strict=True):
            assert basket.keys() == whole.keys()
            assert [basket[name] for name in MONEY] == [whole[name] for name in MONEY]
    recorded = json.loads((CAPTURES / "qtickets_events.json").read_text())["data"]
    (event,) = [row for row in bundled("events") if row in recorded]
    (show,) = event["shows"]
    assert isinstance(show["min_price"], dict) and show["start_date"][:7] < show["finish_date"][:7]


def test_a_dry_run_loads_every_bundled_record(loader):
    would_write = loader.command("dry-run").last["would_write"]
    orders, events = bundled("orders"), bundled("events")
    assert would_write == {
        "stg_qtickets_orders": len({row["id"] for row in orders}),
        "stg_qtickets_tickets": len({basket["id"] for row in orders for basket in row["baskets"]}),
        "stg_qtickets_events": len(events),
        "stg_qtickets_shows": sum(len(row["shows"]) for row in events),
    }
